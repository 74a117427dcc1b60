#!/usr/bin/perl
# Says what a backup has of media files that changed while it was made, in words that restic takes as tags: media=HASH=PATH, or media=gone=PATH.
# Odd characters of a path are = and two digits there; restic prints a % as if it were its own.
#   find EXPECTED ACTUAL CHANGED  prints them, from the lines that sha256sum printed of files before and not of those in the backup, those of the backup alone,
#                                 and the states of files that changed; fails where a file that didn't change isn't as it was
#   apply EXPECTED                reads them, and prints EXPECTED as they correct it
use strict;
use warnings;

# More of them wouldn't fit a command line.
my $limit = 1000;

sub lines_of {
  my ($list) = @_;
  open my $file, '<', $list or die "$list: $!\n";
  my %line_of;
  while (<$file>) { $line_of{path_of($_)} = $_ }
  return %line_of;
}

sub path_of {
  my ($line) = @_;
  my ($escaped, $path) = $line =~ /^(\\?)[0-9a-f]{64}  (.*)\n\z/ or die "this is no line of sha256sum's: $line";
  my %characters = ('\\\\' => "\\", '\\n' => "\n", '\\r' => "\r");
  $path =~ s/(\\[\\nr])/$characters{$1}/g if $escaped;
  return $path;
}

sub changed_paths {
  my ($states) = @_;
  # Nothing changes while an older backup is proven once more.
  open my $file, '<', $states or return ();
  local $/ = "\0";
  chomp(my @states = readline $file);
  return map { (split / /, $_, 5)[4] => 1 } @states;
}

sub find_corrections {
  my ($expected, $actual, $changed) = @_;
  my %expected = lines_of($expected);
  my %actual = lines_of($actual);
  my %changed = changed_paths($changed);
  my @others = sort keys %expected;
  for (@others) { exists $changed{$_} or die "$_\n" }
  @others <= $limit or die scalar @others . " of them changed while they were stored, and more than $limit can't be told apart from damage\n";
  for (@others) {
    my ($hash) = ($actual{$_} // '') =~ /([0-9a-f]{64})/;
    print 'media=', $hash // 'gone', '=', s/([^A-Za-z0-9._\/-])/sprintf '=%02x', ord $1/ger, "\n";
  }
}

sub apply_corrections {
  my ($expected) = @_;
  my %corrected;
  while (<STDIN>) {
    my ($hash, $path) = /^media=([0-9a-f]{64}|gone)=(.*)\n\z/ or die "this is no correction: $_";
    $corrected{$path =~ s/=([0-9a-f]{2})/chr hex $1/ger} = $hash;
  }
  open my $file, '<', $expected or die "$expected: $!\n";
  while (<$file>) {
    my $hash = $corrected{path_of($_)};
    next if defined $hash && $hash eq 'gone';
    s/[0-9a-f]{64}/$hash/ if defined $hash;
    print;
  }
}

binmode $_ for *STDIN, *STDOUT;
my ($what, @files) = @ARGV;
if (($what // '') eq 'find') { find_corrections(@files) } elsif (($what // '') eq 'apply') { apply_corrections(@files) } else { die "correct-media.pl: find, or apply\n" }
close STDOUT or die "can't write: $!\n";
