"""The page: the chat, beside it the words each statement rests on, and the documents themselves.

    app            lays the page out and serves it
    security, auth, accounts    which requests pass, and who may use the page
    queue          how many questions are answered at once
    chat           the components of the chat, and how an answer comes
    conversations  the events of the chat, and the left column; actions are what its buttons do
    sources        the tab "Sources", and uploads
    viewer         the documents, for viewer.js

The conversation is kept here, not in the browser: what a browser sends is one question.
"""
