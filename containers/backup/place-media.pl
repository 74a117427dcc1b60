#!/usr/bin/perl
# Puts a backup's media files from the folder STAGED in place in the folder MEDIA, on the same volume.
#   add STAGED MEDIA            those that MEDIA lacks; what is there stays as it is
#   replace STAGED MEDIA ASIDE  what MEDIA has otherwise, or STAGED lacks, goes to ASIDE, and then the rest comes
# One process for all: some for each file would take minutes where there are many.
use strict;
use warnings;
use File::Basename 'dirname';
use File::Compare 'compare';
use File::Find 'find';
use File::Path 'make_path';

# What a restore keeps beside the media files is none.
sub paths_of {
  my ($folder) = @_;
  my (@folders, @files);
  find({
    no_chdir => 1,
    preprocess => sub { sort grep { $File::Find::dir ne $folder || !/^\.(restoring$|replaced-)/ } @_ },
    wanted => sub {
      return if $_ eq $folder;
      lstat $_;
      push @{-d _ ? \@folders : \@files}, substr $_, length "$folder/" if -d _ || -f _ || -l _;
    },
  }, $folder);
  return (\@folders, \@files);
}

sub exists_at { return defined((lstat $_[0])[0]) }

sub add {
  my ($staged, $media) = @_;
  my ($folders, $files) = paths_of($staged);
  for (grep { !exists_at("$media/$_") } @$folders) {
    my ($mode, $owner, $group) = (lstat "$staged/$_")[2, 4, 5];
    # Where a file of the same name is in a folder's way, it goes first, with replace.
    next unless -d dirname("$media/$_");
    mkdir "$media/$_" and chown $owner, $group, "$media/$_" and chmod $mode & 07777, "$media/$_" or die "$media/$_: $!\n";
  }
  for (grep { !exists_at("$media/$_") && -d dirname("$media/$_") } @$files) {
    link "$staged/$_", "$media/$_" or system('cp', '-a', '--', "$staged/$_", "$media/$_") == 0 or die "$media/$_: can't be put in place\n";
  }
}

sub same {
  my ($one, $other) = @_;
  return readlink($one) eq (readlink($other) // '') if -l $one;
  my @one = lstat $one;
  my @other = lstat $other;
  return 0 unless @other && -f _ && $one[7] == $other[7];
  return $one[0] == $other[0] && $one[1] == $other[1] || compare($one, $other) == 0;
}

sub replace {
  my ($staged, $media, $aside) = @_;
  for (grep { !same("$media/$_", "$staged/$_") } @{(paths_of($media))[1]}) {
    make_path(dirname("$aside/$_"));
    rename "$media/$_", "$aside/$_" or die "$media/$_: $!\n";
  }
  my (undef, $files) = paths_of($staged);
  rmdir "$media/$_" for grep { -d "$media/$_" } @$files;
  add($staged, $media);
  for (@$files) {
    lstat "$media/$_";
    -f _ || -l _ or die "$media/$_: something of the same name is in its place\n";
  }
}

my ($what, @folders) = @ARGV;
if (($what // '') eq 'add') { add(@folders) } elsif (($what // '') eq 'replace') { replace(@folders) } else { die "place-media.pl: add, or replace\n" }
