// An express application; one of its modules is loaded by a name that is put together at run time.
const express = require("express");
const app = express();

app.get("/", (request, response) => response.send("hello from express\n"));

app.get("/digest/:text", (request, response) => {
  const { createHash } = require("crypto");
  response.json({ sha256: createHash("sha256").update(request.params.text).digest("hex") });
});

app.get("/plugin/:name", (request, response) => {
  const plugin = require("./plugins/" + request.params.name + ".js");
  response.type("text/plain").send(plugin.answer());
});

app.get("/money", (request, response) => {
  response.type("text/plain").send(new Intl.NumberFormat("de-DE", { style: "currency", currency: "EUR" }).format(1234.5));
});

const server = app.listen(3000, "0.0.0.0");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
