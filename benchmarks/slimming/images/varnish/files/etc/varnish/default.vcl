vcl 4.1;

import std;

backend default none;

sub vcl_recv {
    if (req.url == "/") {
        return (synth(200, std.toupper("cached")));
    }
    return (synth(404));
}
