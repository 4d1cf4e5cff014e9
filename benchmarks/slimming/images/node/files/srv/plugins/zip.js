const zlib = require("zlib");

exports.answer = () => zlib.gunzipSync(zlib.gzipSync("zipped and back")).toString();
