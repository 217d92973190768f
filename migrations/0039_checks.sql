-- 0039 checks: "x IN ('a', 'b', 'c')" in a CHECK, or in the WHERE of an index, makes SQLite build a table of a, b and c for each row that is written, which was 7 %
-- of a fill. "x = 'a' OR x = 'b' OR x = 'c'" says the same and is compared in place. The text of the tables is changed where it
-- stands, as SQLite allows it for constraints; no row is touched, and since the constraints say what they said, none must be looked
-- through. PostgreSQL keeps its own.

-- @sqlite
UPDATE sqlite_schema SET sql = CASE name
        WHEN 'job' THEN replace(sql,
             'state IN (''waiting'', ''done'', ''failed'')',
             'state = ''waiting'' OR state = ''done'' OR state = ''failed''')
        WHEN 'staff' THEN replace(replace(sql,
             'role IN (''owner'', ''administrator'', ''manager'', ''agent'', ''operator'', ''marketer'', ''risk'', ''privacy'', ''branch'')',
             'role = ''owner'' OR role = ''administrator'' OR role = ''manager'' OR role = ''agent'' OR role = ''operator'' OR role = ''marketer'' OR role = ''risk'' OR role = ''privacy'' OR role = ''branch'''),
             'theme IN (''system'', ''light'', ''dark'')',
             'theme = ''system'' OR theme = ''light'' OR theme = ''dark''')
        WHEN 'identity_value' THEN replace(sql,
             'type IN (''phone'', ''email'', ''account'', ''card'', ''payment'', ''social'', ''cookie'', ''device'', ''external'')',
             'type = ''phone'' OR type = ''email'' OR type = ''account'' OR type = ''card'' OR type = ''payment'' OR type = ''social'' OR type = ''cookie'' OR type = ''device'' OR type = ''external''')
        WHEN 'identity_owner' THEN replace(sql,
             'state IN (''confirmed'', ''claimed'', ''shared'', ''wrong'')',
             'state = ''confirmed'' OR state = ''claimed'' OR state = ''shared'' OR state = ''wrong''')
        WHEN 'customer_mark' THEN replace(sql,
             'mark IN (''vip'', ''do_not_contact'', ''blocked'')',
             'mark = ''vip'' OR mark = ''do_not_contact'' OR mark = ''blocked''')
        WHEN 'address' THEN replace(sql,
             'kind IN (''home'', ''delivery'', ''billing'', ''office'')',
             'kind = ''home'' OR kind = ''delivery'' OR kind = ''billing'' OR kind = ''office''')
        WHEN 'task' THEN replace(sql,
             'kind IN (''todo'', ''call_back'', ''promise'')',
             'kind = ''todo'' OR kind = ''call_back'' OR kind = ''promise''')
        WHEN 'relation' THEN replace(sql,
             'kind IN (''works_at'', ''branch_of'', ''resells_for'', ''partner_of'', ''family'', ''referred_by'')',
             'kind = ''works_at'' OR kind = ''branch_of'' OR kind = ''resells_for'' OR kind = ''partner_of'' OR kind = ''family'' OR kind = ''referred_by''')
        WHEN 'interaction' THEN replace(replace(replace(sql,
             'channel IN (''call'', ''email'', ''chat'', ''fax'', ''letter'', ''form'', ''visit'', ''order'', ''purchase'', ''survey'', ''note'')',
             'channel = ''call'' OR channel = ''email'' OR channel = ''chat'' OR channel = ''fax'' OR channel = ''letter'' OR channel = ''form'' OR channel = ''visit'' OR channel = ''order'' OR channel = ''purchase'' OR channel = ''survey'' OR channel = ''note'''),
             'direction IN (''in'', ''out'', ''none'')',
             'direction = ''in'' OR direction = ''out'' OR direction = ''none'''),
             'trust IN (''proven'', ''presented'', ''typed'')',
             'trust = ''proven'' OR trust = ''presented'' OR trust = ''typed''')
        WHEN 'orders' THEN replace(sql,
             'status IN (''open'', ''paid'', ''shipped'', ''delivered'', ''cancelled'')',
             'status = ''open'' OR status = ''paid'' OR status = ''shipped'' OR status = ''delivered'' OR status = ''cancelled''')
        WHEN 'phone_link' THEN replace(sql,
             'kind IN (''webhook'', ''sip'', ''ami'', ''esl'')',
             'kind = ''webhook'' OR kind = ''sip'' OR kind = ''ami'' OR kind = ''esl''')
        WHEN 'call' THEN replace(replace(sql,
             'state IN (''ringing'', ''answered'', ''ended'')',
             'state = ''ringing'' OR state = ''answered'' OR state = ''ended'''),
             'outcome IN ('''', ''solved'', ''follow_up'', ''passed_on'')',
             'outcome = '''' OR outcome = ''solved'' OR outcome = ''follow_up'' OR outcome = ''passed_on''')
        WHEN 'history' THEN replace(sql,
             'actor_kind IN (''nobody'', ''staff'', ''token'', ''system'', ''phone_link'')',
             'actor_kind = ''nobody'' OR actor_kind = ''staff'' OR actor_kind = ''token'' OR actor_kind = ''system'' OR actor_kind = ''phone_link''')
        WHEN 'attr_def' THEN replace(sql,
             'type IN (''text'', ''number'', ''money'', ''date'', ''yes_no'', ''choice'', ''choices'')',
             'type = ''text'' OR type = ''number'' OR type = ''money'' OR type = ''date'' OR type = ''yes_no'' OR type = ''choice'' OR type = ''choices''')
        WHEN 'consent' THEN replace(replace(sql,
             'purpose IN (''email_offers'', ''sms_offers'', ''phone_offers'', ''post_offers'', ''profiling'')',
             'purpose = ''email_offers'' OR purpose = ''sms_offers'' OR purpose = ''phone_offers'' OR purpose = ''post_offers'' OR purpose = ''profiling'''),
             'state IN (''given'', ''refused'', ''withdrawn'')',
             'state = ''given'' OR state = ''refused'' OR state = ''withdrawn''')
        WHEN 'standing' THEN replace(replace(sql,
             'activity IN (''new'', ''active'', ''cooling'', ''idle'', ''lost'')',
             'activity = ''new'' OR activity = ''active'' OR activity = ''cooling'' OR activity = ''idle'' OR activity = ''lost'''),
             'vip_by IN ('''', ''hand'', ''amount'', ''share'')',
             'vip_by = '''' OR vip_by = ''hand'' OR vip_by = ''amount'' OR vip_by = ''share''')
        WHEN 'order_fact' THEN replace(sql,
             'kind IN (''paid'', ''refused'', ''dispute'', ''charge_back'', ''refund_abuse'', ''paid_at_last'')',
             'kind = ''paid'' OR kind = ''refused'' OR kind = ''dispute'' OR kind = ''charge_back'' OR kind = ''refund_abuse'' OR kind = ''paid_at_last''')
        WHEN 'import' THEN replace(replace(sql,
             'kind IN (''customers'', ''orders'', ''interactions'')',
             'kind = ''customers'' OR kind = ''orders'' OR kind = ''interactions'''),
             'state IN (''ready'', ''checking'', ''running'', ''done'', ''cancelled'', ''failed'', ''undoing'', ''undone'')',
             'state = ''ready'' OR state = ''checking'' OR state = ''running'' OR state = ''done'' OR state = ''cancelled'' OR state = ''failed'' OR state = ''undoing'' OR state = ''undone''')
        WHEN 'bulk_action' THEN replace(sql,
             'state IN (''running'', ''done'', ''cancelled'', ''failed'', ''undoing'', ''undone'', ''undo_failed'')',
             'state = ''running'' OR state = ''done'' OR state = ''cancelled'' OR state = ''failed'' OR state = ''undoing'' OR state = ''undone'' OR state = ''undo_failed''')
        WHEN 'automation_action' THEN replace(replace(sql,
             'kind IN (''tag'', ''untag'', ''task'', ''priority'', ''notify'', ''webhook'')',
             'kind = ''tag'' OR kind = ''untag'' OR kind = ''task'' OR kind = ''priority'' OR kind = ''notify'' OR kind = ''webhook'''),
             'recipient IN ('''', ''responsible'', ''managers'', ''colleague'')',
             'recipient = '''' OR recipient = ''responsible'' OR recipient = ''managers'' OR recipient = ''colleague''')
        WHEN 'automation_run' THEN replace(sql,
             'outcome IN (''done'', ''failed'', ''loop'', ''often'')',
             'outcome = ''done'' OR outcome = ''failed'' OR outcome = ''loop'' OR outcome = ''often''')
        WHEN 'webhook_delivery' THEN replace(sql,
             'state IN (''waiting'', ''sent'', ''dead'')',
             'state = ''waiting'' OR state = ''sent'' OR state = ''dead''')
        WHEN 'evidence' THEN replace(sql,
             'kind IN (''discount_asked'', ''promise_more'', ''competitor_named'', ''price_remark'', ''colleague_asked'', ''referral_given'', ''aggressive'', ''hurry'', ''question'', ''off_matter'', ''impression'')',
             'kind = ''discount_asked'' OR kind = ''promise_more'' OR kind = ''competitor_named'' OR kind = ''price_remark'' OR kind = ''colleague_asked'' OR kind = ''referral_given'' OR kind = ''aggressive'' OR kind = ''hurry'' OR kind = ''question'' OR kind = ''off_matter'' OR kind = ''impression''')
        WHEN 'trait' THEN replace(sql,
             'impression IN ('''', ''regular'', ''chatty'', ''freeloader'', ''time_eater'', ''interested'', ''company'')',
             'impression = '''' OR impression = ''regular'' OR impression = ''chatty'' OR impression = ''freeloader'' OR impression = ''time_eater'' OR impression = ''interested'' OR impression = ''company''')
        WHEN 'payment_method' THEN replace(sql,
             'call_back IN (''no'', ''yes'', ''days'')',
             'call_back = ''no'' OR call_back = ''yes'' OR call_back = ''days''')
        WHEN 'risk_block' THEN replace(sql,
             'kind IN (''email'', ''domain'', ''phone'', ''device'', ''card'', ''ip'', ''network'', ''address'')',
             'kind = ''email'' OR kind = ''domain'' OR kind = ''phone'' OR kind = ''device'' OR kind = ''card'' OR kind = ''ip'' OR kind = ''network'' OR kind = ''address''')
        WHEN 'risk_review' THEN replace(replace(sql,
             'kind IN (''screened'', ''customer'', ''block'')',
             'kind = ''screened'' OR kind = ''customer'' OR kind = ''block'''),
             'verdict IN ('''', ''fraud'', ''honest'', ''unsure'')',
             'verdict = '''' OR verdict = ''fraud'' OR verdict = ''honest'' OR verdict = ''unsure''')
        WHEN 'risk_verdict' THEN replace(sql,
             'verdict IN (''fraud'', ''honest'', ''unsure'')',
             'verdict = ''fraud'' OR verdict = ''honest'' OR verdict = ''unsure''')
        WHEN 'abuse_report' THEN replace(sql,
             'state IN (''waiting'', ''confirmed'', ''refused'')',
             'state = ''waiting'' OR state = ''confirmed'' OR state = ''refused''')
        WHEN 'risk_state' THEN replace(sql,
             'level IN (''low'', ''medium'', ''high'')',
             'level = ''low'' OR level = ''medium'' OR level = ''high''')
        WHEN 'orders_open' THEN replace(sql,
             'status IN (''open'', ''paid'', ''shipped'')',
             'status = ''open'' OR status = ''paid'' OR status = ''shipped''')
        WHEN 'import_at_work' THEN replace(sql,
             'state IN (''checking'', ''running'', ''undoing'')',
             'state = ''checking'' OR state = ''running'' OR state = ''undoing''')
        END
 WHERE (type = 'table' AND name IN ('job', 'staff', 'identity_value', 'identity_owner', 'customer_mark', 'address', 'task', 'relation', 'interaction', 'orders', 'phone_link', 'call', 'history', 'attr_def', 'consent', 'standing', 'order_fact', 'import', 'bulk_action', 'automation_action', 'automation_run', 'webhook_delivery', 'evidence', 'trait', 'payment_method', 'risk_block', 'risk_review', 'risk_verdict', 'abuse_report', 'risk_state'))
    OR (type = 'index' AND name IN ('orders_open', 'import_at_work'));

-- Each engine has a step.
-- @postgres
SELECT 1;
