"""The process that runs MiniStack with the sandbox's plug-in: real exports, Lambda's isolation, a few corrections."""
