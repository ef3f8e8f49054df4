"""The page: the chat, beside it the words each statement rests on, and the documents themselves.

    app            lays the page out and serves it
    auth, sessions, accounts, security    who may use it, and what a request may do
    queue          how many questions are answered at once
    chat           the conversation, and what the page's events do
    conversations  the left column; actions are what its buttons do
    sources        the tab "Sources"; upload takes the files that are added
    viewer         the documents, for viewer.js

The conversation is kept here, not in the browser: what a browser sends is one question.
"""
