package minutes

// task is what is to be done, verbatim from the claim's stretch: without the owner, the words that
// hand it over, and the date at its end.
func (k *talk) task(l *line, c *claim, dueFrom, dueTo int) string {
	from, to := k.taskStart(l, c), c.to
	if c.kind == ownerOpen && l.lastWord(c.trigger.to) && c.trigger.from-c.from >= 2 { // 簽證材料誰負責？
		from, to = c.from, c.trigger.from
	}
	to = k.taskEnd(l, from, to)
	if dueTo > dueFrom {
		if dueFrom <= from && dueTo > from && dueTo < to { // a date in front
			from = dueTo
		}
		if dueTo >= to || l.lastWord(dueTo) { // a date at the end
			if dueFrom > from {
				to = dueFrom
			}
		}
	}
	for from < to && skipsInFront(l.tokens[from].word) || from < to && l.tokens[from].has(tagComma) {
		from++
	}
	for to > from && (l.tokens[to-1].has(tagComma) || isParticle(l.tokens[to-1].word) || isLink(l.tokens[to-1].word)) {
		to--
	}
	if from >= to {
		return k.text(l, c.from, c.to)
	}
	return k.text(l, from, to)
}

// taskStart is the first token of what is to be done. For most cues that is behind the words that
// hand it over; when nothing follows them the task stands before them.
func (k *talk) taskStart(l *line, c *claim) int {
	at := c.trigger.from
	for at < c.trigger.to && !l.tokens[at].has(tagDo) && !l.tokens[at].has(tagDoing) || at < c.trigger.to && isModal(l.tokens[at].word) {
		at += max(1, l.tokens[at].jump)
	}
	if at >= c.trigger.to {
		at = c.trigger.to
	}
	if l.han {
		at = c.trigger.from
		for at < c.to && (l.tokens[at].jump > 0 && l.tokens[at].ref >= 0 || skipsInFront(l.tokens[at].word) || l.tokens[at].has(tagComma)) {
			at += max(1, l.tokens[at].jump)
		}
	}
	left := 0
	for i := at; i < c.to; i++ {
		if !l.tokens[i].has(tagComma) && !l.tokens[i].has(tagShut) && !l.tokens[i].has(tagDate) {
			left++
		}
	}
	if left < 2 && c.trigger.from > c.from {
		return c.from
	}
	return min(at, c.to)
}

// isModal are verbs of the list that also stand before the verb that matters.
func isModal(word string) bool {
	switch word {
	case "have", "need", "going", "go", "try", "help", "get":
		return word != "get" && word != "go"
	}
	return false
}

// taskEnd stops at a comma once enough was said, or before "otherwise" and its like.
func (k *talk) taskEnd(l *line, from, to int) int {
	words := 0
	for i := from; i < to; i++ {
		t := &l.tokens[i]
		switch {
		case t.has(tagComma) && words >= 3:
			return i
		case words >= 3 && (t.word == "otherwise" || t.word == "because" || t.word == "so" || t.word == "but"):
			return i
		case !t.has(tagComma):
			words++
		}
	}
	return to
}

// skipsInFront are words before a task that are not part of it.
func skipsInFront(word string) bool {
	switch word {
	case "to", "please", "also", "just", "then", "and", "so", "okay", "be", "will", "you", "will be",
		"你", "您", "我", "会", "要", "就", "请", "麻", "烦", "唔", "该", "啦", "呀", "啊", "吖", "由", "让", "叫", "得", "需", "必", "须",
		"们", "哋", "这", "边", "可", "以", "能", "否", "帮", "手", "自", "己", "记", "应", "再", "都", "也":
		return true
	}
	return false
}
