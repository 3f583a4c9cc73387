// Hono with streamed answers.
import { Hono } from "hono";
import { streamHandle } from "hono/aws-lambda";
import { streamText } from "hono/streaming";

const app = new Hono();
app.get("/stream", (c) => streamText(c, async (stream) => {
  for (let n = 0; n < 3; n++) await stream.writeln(`line ${n}`);
}));
app.get("/cookies", (c) => {
  c.header("set-cookie", "a=1", { append: true });
  c.header("set-cookie", "b=2", { append: true });
  return c.json({ path: c.req.path, tags: c.req.queries("tag") }, 201);
});
app.post("/raw", async (c) => c.body(await c.req.arrayBuffer()));

export const handler = streamHandle(app);
