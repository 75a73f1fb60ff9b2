"""Errors that pages receive: a code for the program, and a sentence for the person."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

STATUS_CODES = {
    "bad_request": 400,
    "unknown_class": 400,
    "no_session": 401,
    "bad_token": 403,
    "bad_origin": 403,
    "bad_host": 403,
    "not_found": 404,
    "no_such_image": 404,
    "not_allowed": 405,
    "did_you_mean": 409,
    "refused": 409,
    "other_project": 409,
    "no_model": 409,
    "no_embeddings": 409,
    "too_large": 413,
    "not_json": 415,
    "failed": 500,
    "cannot_save": 507,
}


class ApiError(Exception):
    """An error for the page: its code, a message with a remedy, and further values for the program."""

    def __init__(self, code: str, message: str, **extras: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.extras = code, message, extras

    def to_response(self) -> JSONResponse:
        content = {"error": {"code": self.code, "message": self.message, **self.extras}}
        return JSONResponse(content, STATUS_CODES[self.code])
