"""Holds webhooks against a secret with the verifier of PyPI: JSON lines in, one word a line out."""

import json
import sys

from svix.webhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    webhook = json.loads(line)
    try:
        # It raises or it does not; what it gives back differs between versions.
        Webhook(webhook["secret"]).verify(webhook["body"].encode(), webhook["headers"])
        print("good", flush=True)
    except WebhookVerificationError:
        print("refused", flush=True)
