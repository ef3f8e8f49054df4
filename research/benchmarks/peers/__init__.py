"""The product beside what people would pick instead: same corpus, questions, weights and machine.

The peers live in an environment of their own, made by two commands, because they are no
dependency of the product (torch first, so that no CUDA build comes):

    python -m venv PEERS && PEERS/bin/pip install torch==2.13.0
    PEERS/bin/pip install -r research/benchmarks/peers/requirements.txt

Then each figure is one command, run in the product's own environment, `--peers PEERS/bin/python`:

    python -m research.benchmarks.peers.quality SET_FOLDER ...   what is found, cited and refused
    python -m research.benchmarks.peers.speed SET_FOLDER         embedding, and a whole index
    python -m research.benchmarks.peers.cold SET_FOLDER          a new process to its first answer
    python -m research.benchmarks.peers.sync                     one changed file of many
    python -m research.benchmarks.peers.warm SET_FOLDER          answers, memory as the folder grows
    python -m research.benchmarks.peers.plot RESULTS FOLDER      pictures of what `--json` has kept

Each product is a process of its own (`worker`), ours too, and is asked in turn with the others.
What is "default" at these versions, and what was chosen where there is none, stands at the top
of each product's module.
"""
