"""Tar archives: trees written (`tar_writer`) and read (`tar_tree`), and members one by one (`tar_reader`)."""

from fromscratch.formats.tar_reader import Member, members
from fromscratch.formats.tar_tree import read_tree
from fromscratch.formats.tar_writer import BLOCK_SIZE, blocks, estimated_size

__all__ = ["BLOCK_SIZE", "Member", "blocks", "estimated_size", "members", "read_tree"]
