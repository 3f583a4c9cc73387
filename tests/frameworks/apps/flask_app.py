"""Flask through a WSGI adapter, apig-wsgi."""

from apig_wsgi import make_lambda_handler
from flask import Flask, Response, jsonify, make_response, redirect, request

app = Flask(__name__)


@app.after_request
def cors(response):
    if request.headers.get("origin") == "https://app.example":
        response.headers["Access-Control-Allow-Origin"] = "https://app.example"
        response.headers["Access-Control-Allow-Headers"] = request.headers.get("access-control-request-headers", "*")
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    return response


@app.get("/items/<item>")
def item(item):
    return jsonify(
        item=item,
        tags=request.args.getlist("tag"),
        q=request.args.get("q", ""),
        agent=request.headers.get("user-agent"),
        host=request.headers.get("host"),
        ip=request.remote_addr,
        method=request.method,
    )


@app.post("/json")
def json_body():
    return request.get_json(), 201


@app.post("/form")
def form():
    return {"name": request.form["name"], "drink": request.form["drink"]}


@app.post("/upload")
def upload():
    file = request.files["file"]
    return {"name": file.filename, "bytes": list(file.read()), "note": request.form["note"]}


@app.post("/raw")
def raw():
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.get("/binary")
def binary():
    return Response(bytes(range(256)), mimetype="image/png")


@app.get("/cookies")
def cookies():
    response = make_response(jsonify(dict(request.cookies)))
    response.set_cookie("a", "1", httponly=True)
    response.set_cookie("b", "2")
    return response


@app.get("/redirect")
def redirected():
    return redirect("/items/9")


@app.delete("/nothing")
def nothing():
    return "", 204


@app.get("/boom")
def boom():
    raise ValueError("boom")


@app.get("/stream")
def stream():
    return Response((f"line {n}\n" for n in range(3)), mimetype="text/plain")


handler = make_lambda_handler(app, binary_support=True)
