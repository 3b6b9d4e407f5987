FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/app CARBON_HOME=/data CARBON_KEYS=/keys CARBON_BIND=0.0.0.0
RUN apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --create-home --uid 10001 carbon && mkdir /data && mkdir -m 700 /keys && chown carbon /data /keys
USER carbon
VOLUME /data /keys
EXPOSE 8050
CMD ["python", "manage.py", "serve"]
