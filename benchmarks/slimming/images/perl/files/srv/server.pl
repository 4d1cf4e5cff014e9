#!/usr/bin/perl
# A server that forks for each connection; the child loads the modules that the request needs.
use strict;
use warnings;
use HTTP::Daemon;

my %pages = (
    '/' => sub { "hello from perl\n" },
    '/sorted' => sub {
        require Unicode::Collate;
        join(' ', Unicode::Collate->new->sort(qw(zebra Apfel orange))) . "\n";
    },
    '/rows' => sub {
        require DBI;
        require JSON::XS;
        my $base = DBI->connect('dbi:SQLite:dbname=:memory:', '', '', { RaiseError => 1 });
        $base->do('create table t (n integer)');
        $base->do('insert into t values (?)', undef, $_) for 1 .. 3;
        JSON::XS::encode_json($base->selectcol_arrayref('select n from t order by n'));
    },
);

my $daemon = HTTP::Daemon->new(LocalAddr => '0.0.0.0', LocalPort => 8000, ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
$SIG{TERM} = sub { exit 0 };
while (1) {
    my $connection = $daemon->accept or next;
    if (fork) { close $connection; next; }
    while (my $request = $connection->get_request) {
        my $page = $pages{ $request->uri->path };
        if ($page) {
            my $body = eval { $page->() };
            $connection->send_response(defined $body
                ? HTTP::Response->new(200, 'OK', [ 'Content-Type' => 'text/plain' ], $body)
                : HTTP::Response->new(500, 'Error', undef, $@));
        }
        else { $connection->send_error(404) }
    }
    exit 0;
}
