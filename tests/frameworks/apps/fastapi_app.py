"""FastAPI through Mangum."""

from typing import Annotated

from fastapi import FastAPI, Form, Query, Request, Response, UploadFile
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse, StreamingResponse
from mangum import Mangum

app = FastAPI()
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://app.example"],
    allow_methods=["*"],
    allow_headers=["*"],
    allow_credentials=True,
)


@app.get("/items/{item}")
def item(item: str, request: Request, tag: Annotated[list[str], Query()] = (), q: str = ""):
    return {
        "item": item,
        "tags": tag,
        "q": q,
        "agent": request.headers.get("user-agent"),
        "host": request.headers.get("host"),
        "ip": request.client.host if request.client else None,
        "method": request.method,
    }


@app.post("/json", status_code=201)
async def json_body(request: Request):
    return await request.json()


@app.post("/form")
def form(name: Annotated[str, Form()], drink: Annotated[str, Form()]):
    return {"name": name, "drink": drink}


@app.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()]):
    content = await file.read()
    return {"name": file.filename, "bytes": list(content), "note": note}


@app.post("/raw")
async def raw(request: Request):
    return Response(await request.body(), media_type="application/octet-stream")


@app.get("/binary")
def binary():
    return Response(bytes(range(256)), media_type="image/png")


@app.get("/cookies")
def cookies(request: Request, response: Response):
    response.set_cookie("a", "1", httponly=True)
    response.set_cookie("b", "2")
    return dict(request.cookies)


@app.get("/redirect")
def redirect():
    return RedirectResponse("/items/9", 302)


@app.delete("/nothing", status_code=204)
def nothing():
    return None


@app.get("/boom")
def boom():
    raise ValueError("boom")


@app.get("/stream")
def stream():
    return StreamingResponse((f"line {n}\n" for n in range(3)), media_type="text/plain")


handler = Mangum(app)
