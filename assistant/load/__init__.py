"""A folder → Documents.

    folder     what there is to read, and its bytes
    readers    reading files on all cores, in child processes
    formats    the kinds of files, and which parser reads each
    plain, html, office, pdf, sheets    the parsers
    builder    what a parser gives back, and how it puts a text together

A bad file costs one file. What comes of reading one is an `Outcome`: a `Document`; `Unchanged`;
`Refused` for what its bytes are, as it will be the next time; or `Unavailable`, to be tried again.
"""

VERSION = 3
"""Part of the index's recipe: raise it when the same bytes would become another document."""
