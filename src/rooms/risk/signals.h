/* rooms/risk/signals.h - every signal once: its name, the check it belongs to, its group, its points as shipped, and whether it
 * counts only beside another one (part of risk.h, which includes it).
 *
 * A mismatch counts, never a nation: no signal names a country. */
#pragma once

/* Inside a group signals are joined by noisy-or: what has one cause makes no verdict by coming three times. */
#define RISK_GROUP_LIST(X)                                                                          \
    X(RISK_OF_NAME, "name") X(RISK_OF_EMAIL, "email") X(RISK_OF_PHONE, "phone")                     \
    X(RISK_OF_CONNECTION, "connection") X(RISK_OF_PAYMENT, "payment") X(RISK_OF_ORDER, "order")     \
    X(RISK_OF_BEHAVIOUR, "behaviour") X(RISK_OF_SHARING, "sharing") X(RISK_OF_LINKS, "links")       \
    X(RISK_OF_OUTCOME, "outcome") X(RISK_OF_TRUST, "trust")

/* What can be known or not: "9 of 19 checks known". */
#define RISK_CHECK_LIST(X)                                                                          \
    X(RISK_CHECK_NONE, "none") X(RISK_CHECK_NAME, "name") X(RISK_CHECK_EMAIL, "email_domain")       \
    X(RISK_CHECK_EMAIL_NAME, "email_name") X(RISK_CHECK_PHONE_COUNTRY, "phone_country")             \
    X(RISK_CHECK_PHONE_KIND, "phone_kind") X(RISK_CHECK_IP_COUNTRY, "ip_country")                   \
    X(RISK_CHECK_NETWORK, "network") X(RISK_CHECK_TIME_ZONE, "time_zone")                           \
    X(RISK_CHECK_LANGUAGE, "language") X(RISK_CHECK_HOLDER, "card_holder")                          \
    X(RISK_CHECK_CARD_COUNTRY, "card_country") X(RISK_CHECK_CARDS, "cards")                         \
    X(RISK_CHECK_DEVICE, "device") X(RISK_CHECK_ADDRESS, "address") X(RISK_CHECK_SPEED, "speed")    \
    X(RISK_CHECK_ORDER, "order_size") X(RISK_CHECK_HASTE, "haste")                                  \
    X(RISK_CHECK_QUESTIONS, "questions") X(RISK_CHECK_HISTORY, "history")

/* X(signal, code, group, check, points, counts only beside another) */
#define RISK_SIGNAL_LIST(X)                                                                         \
    X(RISK_MINIMAL_DATA, "minimal_data", RISK_OF_NAME, RISK_CHECK_NONE, 10, true)                   \
    X(RISK_FAMOUS_NAME, "famous_name", RISK_OF_NAME, RISK_CHECK_NAME, 20, true)                     \
    X(RISK_NOISE_NAME, "noise_name", RISK_OF_NAME, RISK_CHECK_NAME, 28, false)                      \
    X(RISK_DISPOSABLE_EMAIL, "disposable_email", RISK_OF_EMAIL, RISK_CHECK_EMAIL, 28, false)        \
    X(RISK_FREE_EMAIL, "free_email", RISK_OF_EMAIL, RISK_CHECK_EMAIL, 2, true)                      \
    X(RISK_EMAIL_UNLIKE_NAME, "email_unlike_name", RISK_OF_EMAIL, RISK_CHECK_EMAIL_NAME, 6, true)   \
    X(RISK_PHONE_COUNTRY, "phone_country", RISK_OF_PHONE, RISK_CHECK_PHONE_COUNTRY, 14, false)      \
    X(RISK_VOIP_NUMBER, "voip_number", RISK_OF_PHONE, RISK_CHECK_PHONE_KIND, 14, false)             \
    X(RISK_IP_COUNTRY, "ip_country", RISK_OF_CONNECTION, RISK_CHECK_IP_COUNTRY, 14, false)          \
    X(RISK_HOSTING_NETWORK, "hosting_network", RISK_OF_CONNECTION, RISK_CHECK_NETWORK, 18, false)   \
    X(RISK_TOR_NETWORK, "tor_network", RISK_OF_CONNECTION, RISK_CHECK_NETWORK, 30, false)           \
    X(RISK_TIME_ZONE, "time_zone", RISK_OF_CONNECTION, RISK_CHECK_TIME_ZONE, 24, false)             \
    X(RISK_LANGUAGE, "language", RISK_OF_CONNECTION, RISK_CHECK_LANGUAGE, 6, true)                  \
    X(RISK_HOLDER_NAME, "holder_name", RISK_OF_PAYMENT, RISK_CHECK_HOLDER, 20, false)               \
    X(RISK_CARD_COUNTRY, "card_country", RISK_OF_PAYMENT, RISK_CHECK_CARD_COUNTRY, 19, false)       \
    X(RISK_SEVERAL_CARDS, "several_cards", RISK_OF_PAYMENT, RISK_CHECK_CARDS, 34, false)            \
    X(RISK_LARGE_FIRST_ORDER, "large_first_order", RISK_OF_ORDER, RISK_CHECK_ORDER, 28, false)      \
    X(RISK_HURRY, "hurry", RISK_OF_ORDER, RISK_CHECK_HASTE, 12, true)                               \
    X(RISK_NO_QUESTIONS, "no_questions", RISK_OF_BEHAVIOUR, RISK_CHECK_QUESTIONS, 3, true)          \
    X(RISK_VELOCITY, "velocity", RISK_OF_BEHAVIOUR, RISK_CHECK_SPEED, 26, false)                    \
    X(RISK_NEW_SURROUNDINGS, "new_surroundings", RISK_OF_BEHAVIOUR, RISK_CHECK_NONE, 30, false) \
    X(RISK_SHARED_DEVICE, "shared_device", RISK_OF_SHARING, RISK_CHECK_DEVICE, 34, false)           \
    X(RISK_SHARED_CARD, "shared_card", RISK_OF_SHARING, RISK_CHECK_CARDS, 30, false)                \
    X(RISK_SHARED_ADDRESS, "shared_address", RISK_OF_SHARING, RISK_CHECK_ADDRESS, 18, false)        \
    X(RISK_SHARED_IP, "shared_ip", RISK_OF_SHARING, RISK_CHECK_SPEED, 5, false)                    \
    X(RISK_LINKED_BLOCKED, "linked_blocked", RISK_OF_LINKS, RISK_CHECK_NONE, 45, false)             \
    X(RISK_LINKED_VERDICT, "linked_verdict", RISK_OF_LINKS, RISK_CHECK_NONE, 25, false)             \
    X(RISK_LISTED, "listed", RISK_OF_LINKS, RISK_CHECK_NONE, 90, false)                             \
    X(RISK_CHARGE_BACK, "charge_back", RISK_OF_OUTCOME, RISK_CHECK_NONE, 55, false)                 \
    X(RISK_DISPUTE, "dispute", RISK_OF_OUTCOME, RISK_CHECK_NONE, 20, false)                         \
    X(RISK_REFUSED_PAYMENT, "refused_payment", RISK_OF_OUTCOME, RISK_CHECK_NONE, 10, false)         \
    X(RISK_REFUND_ABUSE, "refund_abuse", RISK_OF_OUTCOME, RISK_CHECK_NONE, 35, false)               \
    X(RISK_ABUSE_REPORT, "abuse_report", RISK_OF_OUTCOME, RISK_CHECK_NONE, 30, false)               \
    X(RISK_JUDGED_FRAUD, "judged_fraud", RISK_OF_OUTCOME, RISK_CHECK_NONE, 70, false)               \
    X(RISK_PAID_HISTORY, "paid_history", RISK_OF_TRUST, RISK_CHECK_HISTORY, 25, false)              \
    X(RISK_VERIFIED_PHONE, "verified_phone", RISK_OF_TRUST, RISK_CHECK_NONE, 10, false)             \
    X(RISK_SHOP_VISIT, "shop_visit", RISK_OF_TRUST, RISK_CHECK_NONE, 18, false)                     \
    X(RISK_PREPAID, "business_prepaid", RISK_OF_TRUST, RISK_CHECK_NONE, 22, false)                  \
    X(RISK_JUDGED_HONEST, "judged_honest", RISK_OF_TRUST, RISK_CHECK_NONE, 35, false)
