"""Copies a file in blocks of 8 MiB: copy_file.py SRC DST [buffered|reserved|direct|mapped].

- buffered: read and write calls through the page cache.
- reserved: the same in blocks of half a MiB, into a file whose place on the disk is claimed first.
- direct: past the page cache (O_DIRECT), from the disk and to it, in one buffer.
- mapped: both files mapped into memory, released block by block.

Ends with 3 if the file system has no such way.
"""
import errno
import mmap
import os
import sys

BLOCK = 8 << 20
SMALL_BLOCK = 512 << 10
PAGE = 4096
NO_SUCH_WAY = 3


def write_all(dst, block, offset):
    done = 0
    while done < len(block):
        done += os.pwrite(dst, block[done:], offset + done)


def buffered(src, dst, size):
    src, dst = os.open(src, os.O_RDONLY), os.open(dst, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    block = memoryview(bytearray(BLOCK))
    for offset in range(0, size, BLOCK):
        count = os.preadv(src, [block], offset)
        write_all(dst, block[:count], offset)
    os.close(dst)


def reserved(src, dst, size):
    src, dst = os.open(src, os.O_RDONLY), os.open(dst, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.posix_fallocate(dst, 0, size)
    block = memoryview(bytearray(SMALL_BLOCK))
    offset = 0
    while offset < size:
        count = os.preadv(src, [block], offset)
        write_all(dst, block[:count], offset)
        offset += count
    os.close(dst)


def direct(src, dst, size):
    src = os.open(src, os.O_RDONLY | os.O_DIRECT)
    dst = os.open(dst, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DIRECT, 0o644)
    block = memoryview(mmap.mmap(-1, BLOCK))  # begins at a page, as O_DIRECT demands
    for offset in range(0, size, BLOCK):
        count = os.preadv(src, [block], offset)
        write_all(dst, block[:-(-count // PAGE) * PAGE], offset)  # whole pages
    os.ftruncate(dst, size)
    os.close(dst)


def mapped(src, dst, size):
    src, dst = os.open(src, os.O_RDONLY), os.open(dst, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    os.ftruncate(dst, size)
    for offset in range(0, size, BLOCK):
        count = min(BLOCK, size - offset)
        with (mmap.mmap(src, count, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset) as a,
              mmap.mmap(dst, count, mmap.MAP_SHARED, offset=offset) as b):
            b[:] = memoryview(a)
    os.close(dst)


WAYS = {"buffered": buffered, "reserved": reserved, "direct": direct, "mapped": mapped}


def main():
    way = sys.argv[3] if len(sys.argv) > 3 else "buffered"
    partial = sys.argv[2] + ".partial"
    try:
        WAYS[way](sys.argv[1], partial, os.path.getsize(sys.argv[1]))
    except OSError as e:
        if e.errno != errno.EINVAL or way != "direct":
            raise
        os.unlink(partial)
        sys.exit(NO_SUCH_WAY)
    os.replace(partial, sys.argv[2])


if __name__ == "__main__":
    main()
