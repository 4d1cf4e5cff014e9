#!/usr/bin/perl
use strict;
use warnings;
use POSIX qw(strftime);
print "Content-Type: text/plain\n\n", strftime('year %Y', gmtime 0), "\n";
