# Dynode with the locked versions: docker build -t dynode . && docker run --rm -v "$PWD/outputs:/dynode/outputs" dynode make demo
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends make git && rm -rf /var/lib/apt/lists/*
WORKDIR /dynode
COPY requirements.lock pyproject.toml Makefile LICENSE README.md ./
RUN python -m venv .venv && .venv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN .venv/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation --editable . && touch .venv/.ready
ENV PATH="/dynode/.venv/bin:$PATH"
CMD ["python", "run_analysis.py", "--help"]
