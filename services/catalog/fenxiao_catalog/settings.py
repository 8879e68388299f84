"""The catalog's settings: the common ones (`fenxiao_runtime.settings`), the buyers' keys, and its limits."""

from pydantic import Field, SecretStr, field_validator

from fenxiao_runtime.settings import Settings

KEY_BYTES_MIN = 16


class CatalogSettings(Settings):
    """To rotate the buyers' keys put a new one first, and keep each old one for as long as the repeat-purchase window."""

    catalog_buyer_keys: SecretStr = Field(description="id:hex,id:hex ... HMAC keys of buyers' ids, the newest first")
    catalog_repeat_window_days: int = Field(default=90, ge=1, le=120)
    catalog_orphan_days: int = Field(default=7, ge=1, le=120, description="how long an early command may wait")
    catalog_close_grace_minutes: int = Field(
        default=10, ge=0, le=720, description="a day stays open so long past midnight"
    )
    catalog_parked_max: int = Field(default=10_000, ge=0, le=1_000_000, description="waiting commands a partition")

    @field_validator("catalog_buyer_keys")
    @classmethod
    def _check_keys(cls, keys: SecretStr) -> SecretStr:
        parse_keys(keys.get_secret_value())
        return keys


def parse_keys(text: str) -> list[bytes]:
    """The keys, newest first; raises ValueError in one line that shows none of them."""
    keys = []
    for part in text.split(","):
        name, _, digits = part.strip().partition(":")
        try:
            key = bytes.fromhex(digits)
        except ValueError:
            raise ValueError(f"key {name!r} is not id:hex") from None
        if not name or len(key) < KEY_BYTES_MIN:
            raise ValueError(f"key {name!r} needs an id and at least {KEY_BYTES_MIN} bytes in hex")
        keys.append(key)
    return keys
