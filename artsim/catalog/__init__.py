"""What artsim talks about: paintings, faces, encoders, criteria and hits.

Nothing here reads files, loads models or knows a database.
"""
