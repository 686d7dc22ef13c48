"""Copies a file by read and write calls of 8 MiB: copy_file.py SRC DST."""
import os
import sys

BLOCK = 8 << 20


def main():
    src = os.open(sys.argv[1], os.O_RDONLY)
    dst = os.open(sys.argv[2] + ".partial", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    block = memoryview(bytearray(BLOCK))
    offset = 0
    while count := os.preadv(src, [block], offset):
        done = 0
        while done < count:
            done += os.pwrite(dst, block[done:count], offset + done)
        offset += count
    os.close(dst)
    os.replace(sys.argv[2] + ".partial", sys.argv[2])


main()
