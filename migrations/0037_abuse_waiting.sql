-- 0037 abuse waiting: complaints that wait for a person are listed across all customers, the oldest first.

CREATE INDEX abuse_report_waiting ON abuse_report (id) WHERE state = 'waiting';
