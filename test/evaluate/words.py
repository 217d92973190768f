"""The words of the stories and how the program spells them. The stories were written before the program could judge, so the
names are put side by side here; what is expected is not."""
CLASSES = ["regular", "chatty", "freeloader", "time_eater", "interested", "company", "fraud_suspect", "undecided", "unknown"]

ADVICE = {"accept": "accept", "3ds": "accept_3ds", "irrevocable": "irrevocable", "hold": "hold", "refuse": "refuse"}

# Any of the program's signals counts.
SIGNALS = {
    "minimal_data": ["minimal_data"], "famous_name": ["famous_name"], "noise_name": ["noise_name"],
    "disposable_email": ["disposable_email"], "free_email": ["free_email"], "email_unlike_name": ["email_unlike_name"],
    "phone_country": ["phone_country"], "voip": ["voip_number"], "ip_country": ["ip_country"],
    "anonymous_network": ["hosting_network", "tor_network", "vpn_network"], "time_zone": ["time_zone"], "language": ["language"],
    "holder": ["holder_name"], "card_country": ["card_country"], "many_cards": ["several_cards"],
    "shared_device": ["shared_device"], "shared_card": ["shared_card"], "shared_address": ["shared_address"], "shared_ip": ["shared_ip"],
    "large_first": ["large_first_order"], "hurry": ["hurry"], "no_questions": ["no_questions"], "velocity": ["velocity"],
    "linked_blocked": ["linked_blocked", "listed"], "abuse": ["abuse_report"], "charge_back": ["charge_back"],
    "paid_orders": ["paid_history"], "verified_phone": ["verified_phone"], "shop_visit": ["shop_visit"], "prepayment": ["business_prepaid"],
}

# What a condition asks of a customer (docs/expressions.md), so that evidence can be checked by GET /customers/{id}/explain.
EVIDENCE = {
    "asked_discount": "asked_discount >= 1", "promised_more": "promised_more >= 1", "named_competitor": "named_competitor >= 1",
    "price_remarks": "price_remarks >= 1", "asked_colleague": "asked_colleague >= 1", "referred": "referred >= 1",
    "aggressive": "aggressive >= 1", "questions": "questions >= 3", "off_matter": "off_matter >= 1",
}


def code(value):
    """A code that may stand alone or inside an object."""
    if isinstance(value, dict):
        return value.get("code") or value.get("name") or value.get("key")
    return value


class Said:
    """What an answer of /screen, or the risk of a judgement, says."""

    def __init__(self, answer):
        answer = answer or {}
        points = answer.get("risk")
        self.risk = points if isinstance(points, (int, float)) else answer.get("points", 0)
        self.level = code(answer.get("level"))
        self.advice = answer.get("advice_code") or code(answer.get("advice"))
        self.signals = {code(s.get("name") or s): s.get("points", 0) for s in answer.get("signals") or []}
        self.unknown = [code(u) for u in answer.get("unknown") or []]
        confidence = answer.get("confidence")
        if isinstance(confidence, dict):
            self.known, self.checks = confidence.get("known", 0), confidence.get("of", confidence.get("checks", 0))
            confidence = self.known / self.checks if self.checks else 0
        self.confidence = confidence


def class_of(judgement):
    """The leading class; undecided and unknown are words of ours for what has no class."""
    told = judgement.get("class") or {}
    leading = code(told.get("leading"))
    if told.get("is_undecided") or leading == "undecided" or "undecided" in [code(a) for a in judgement.get("advice") or []]:
        return "undecided"
    return leading if leading in CLASSES else "unknown"
