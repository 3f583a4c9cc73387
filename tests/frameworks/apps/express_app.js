// Express through @codegenie/serverless-express, and through serverless-http where SERVERLESS_HTTP is set.
const express = require("express");
const multer = require("multer");

const app = express();
app.use((request, response, next) => {
  if (request.get("origin") === "https://app.example") {
    response.set("Access-Control-Allow-Origin", "https://app.example");
    response.set("Access-Control-Allow-Headers", request.get("access-control-request-headers") || "*");
    response.set("Access-Control-Allow-Methods", "GET, POST");
    if (request.method === "OPTIONS") return response.sendStatus(200);
  }
  next();
});

app.get("/items/:item", (request, response) => {
  const tag = request.query.tag ?? [];
  response.json({
    item: request.params.item,
    tags: Array.isArray(tag) ? tag : tag.split(","),
    q: request.query.q ?? "",
    agent: request.get("user-agent"),
    host: request.get("host"),
    ip: request.ip || request.get("x-forwarded-for"), // adapters know the address of API Gateway's events only
    method: request.method,
  });
});
app.post("/json", express.json(), (request, response) => response.status(201).json(request.body));
app.post("/form", express.urlencoded(), (request, response) => response.json(request.body));
app.post("/upload", multer().single("file"), (request, response) =>
  response.json({ name: request.file.originalname, bytes: [...request.file.buffer], note: request.body.note }));
app.post("/raw", express.raw({ type: "*/*" }), (request, response) =>
  response.type("application/octet-stream").send(request.body));
app.get("/binary", (request, response) => response.type("image/png").send(Buffer.from([...Array(256).keys()])));
app.get("/cookies", (request, response) => {
  const pairs = (request.get("cookie") ?? "").split(/; */).filter(Boolean).map((each) => each.split("="));
  response.cookie("a", "1", { httpOnly: true }).cookie("b", "2").json(Object.fromEntries(pairs));
});
app.get("/redirect", (request, response) => response.redirect("/items/9"));
app.delete("/nothing", (request, response) => response.status(204).end());
app.get("/boom", () => { throw new Error("boom"); });
app.get("/stream", (request, response) => {
  response.type("text/plain");
  for (let n = 0; n < 3; n++) response.write(`line ${n}\n`);
  response.end();
});
// Express's own pages for these wait for the connection, which serverless-express does not have.
app.use((request, response) => response.status(404).send("Nothing is here"));
app.use((error, request, response, next) => response.status(500).send(error.message));

const binary = ["image/*", "application/octet-stream"];
if (process.env.SERVERLESS_HTTP) {
  exports.handler = require("serverless-http")(app, { binary });
} else {
  exports.handler = require("@codegenie/serverless-express")({ app, binarySettings: { contentTypes: binary } });
}
