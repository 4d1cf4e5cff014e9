"""A web application that imports most of what it uses at the first request that needs it."""

import importlib

from flask import Flask, jsonify, render_template_string

app = Flask(__name__)


@app.get("/")
def index():
    return render_template_string("<p>{{ words|join(' ') }}", words=["hello", "from", "flask"])


@app.get("/determinant")
def determinant():
    import numpy

    return jsonify(round(float(numpy.linalg.det(numpy.array([[2.0, 0.0], [0.0, 21.0]]))), 6))


@app.get("/database")
def database():
    sqlite3 = importlib.import_module("sqlite3")
    with sqlite3.connect(":memory:") as base:
        return jsonify(base.execute("select 6 * 7").fetchone()[0])


@app.get("/document")
def document():
    from lxml import etree

    return jsonify(etree.fromstring("<a><b>deep</b></a>").findtext("b"))


@app.get("/settings")
def settings():
    import yaml

    return jsonify(yaml.safe_load("{answer: 42}"))


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000)
