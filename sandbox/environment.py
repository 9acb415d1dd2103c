"""The environments in which clients and the emulator run: dummy credentials, nothing of the person's own AWS set-up."""

from __future__ import annotations

import os
from pathlib import Path

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - MiniStack's key of the account's root
CACHE_VARIABLE = "SANDBOX_CACHE"
"""Names a folder where several sandboxes keep what is the same for all of them; without it, each makes its own."""
_REPOSITORY = Path(__file__).resolve().parent.parent


def client_environment(endpoint: str, directory: Path) -> dict[str, str]:
    """Variables that point every AWS SDK, the CLI and Terraform at the sandbox, whatever the person's own say.

    An empty AWS_PROFILE is an unknown profile to some SDKs, so the profile is one of the sandbox's own files.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_SESSION_TOKEN": "",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PROFILE": "default",
        "AWS_DEFAULT_PROFILE": "default",
        "AWS_CONFIG_FILE": str(directory / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "credentials"),
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def write_profile(directory: Path) -> None:
    """Write the configuration files that client_environment names."""
    keys = f"aws_access_key_id = {ACCESS_KEY_ID}\naws_secret_access_key = {SECRET_ACCESS_KEY}\n"
    (directory / "config").write_text(f"[default]\nregion = {REGION}\n")
    (directory / "credentials").write_text(f"[default]\n{keys}")


def emulator_environment(edge_port: int, directory: Path) -> dict[str, str]:
    """Everything that the emulator sees; functions inherit no more than this."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "PYTHONPATH": os.pathsep.join([str(_REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYENV_ROOT": os.environ.get("PYENV_ROOT", ""),
        "PYTHONWARNINGS": "ignore",
        CACHE_VARIABLE: os.environ.get(CACHE_VARIABLE, ""),
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(edge_port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "S3_DATA_DIR": str(directory / "s3"),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{edge_port}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
