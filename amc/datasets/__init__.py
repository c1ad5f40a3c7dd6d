"""Data sets: a name and a folder in, one table of clips out (`catalogue.load`); a clip in, its slots out (`clips`).

One file per data set reads its annotation; `store` keeps decoded frames and flow on disk.
"""
