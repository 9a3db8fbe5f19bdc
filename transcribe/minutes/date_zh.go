package minutes

import "time"

// chineseRules are tried at a Chinese character or a digit; the longest reading wins.
func chineseRules() []timeRule {
	return []timeRule{
		{"day", readChineseDay},
		{"week", readChineseWeek},
		{"month", readChineseMonth},
		{"month day", readChineseMonthDay},
		{"quarter", readChineseQuarter},
		{"year", readChineseYear},
		{"duration", readChineseDuration},
		{"clock", readChineseClock},
		{"holiday", readHoliday},
	}
}

// readChinese reads a time expression and what follows it: a time of day, an event, 前, 內.
func (p *timeParser) readChinese() (when, bool) {
	w := when{from: p.at, role: roleOn}
	switch {
	case p.han("每逢", "逢", "每个", "每") != "":
		w.role = roleOften
	case p.han("自从", "从") != "":
		w.role = roleNot
	case p.han("到", "喺", "在", "于", "等到") != "":
	}
	s, rule, ok := p.longest(p.chinese)
	if !ok {
		return when{}, false
	}
	if s == pastSpan() {
		w.role, s = rolePast, span{}
	}
	p.chineseTimeOfDay()
	if w.role == roleOn {
		w.role = p.chineseAfterword(rule)
	}
	if rule == "holiday" && w.role == roleOn && p.at < len(p.tokens) && !p.tokens[p.at].has(tagComma) {
		return when{}, false // 聖誕的橫幅 is no date
	}
	w.to, w.rule = p.at, rule
	w.settle(s, p.today)
	return w, true
}

// chineseAfterword reads 前 and 內, also with an event between: 下週二演示前.
func (p *timeParser) chineseAfterword(rule string) role {
	at := p.at
	for range 5 {
		switch {
		case p.han("之前", "以前", "前") != "":
			if rule == "duration" { // 三天前
				return rolePast
			}
			return roleBefore
		case p.han("之内", "以内", "内") != "":
			return roleBy
		}
		if p.at >= len(p.tokens) || p.tokens[p.at].has(tagComma) || !p.tokens[p.at].has(tagHan) && p.at > at {
			break
		}
		if p.at == at && p.han("之后", "以后", "后", "起", "开始") != "" {
			if rule == "duration" {
				return roleOn
			}
			return roleNot
		}
		p.at++
	}
	p.at = at
	return roleOn
}

// chineseTimeOfDay moves over 下午, 三點, 收工前 behind a day.
func (p *timeParser) chineseTimeOfDay() {
	p.han("之内")
	p.han(dayTimes()...)
	at := p.at
	if _, ok := p.number(); !ok || p.han("点半", "点钟", "点", "时") == "" {
		p.at = at
	}
	at = p.at
	if p.han("收工", "放工", "下班", "落班", "开会", "午饭", "散会") == "" || p.han("之前", "以前", "前") == "" {
		p.at = at
	}
}

func dayTimes() []string {
	return []string{
		"上午", "下午", "中午", "晚上", "早上", "夜晚", "下昼", "上昼", "晏昼", "朝早", "今早", "傍晚", "凌晨", "朝", "晚",
	}
}

// readChineseDay reads 今日, 聽日, 後天 and the times of day that mean today.
func readChineseDay(p *timeParser) (span, bool) {
	switch {
	case p.han("昨天", "昨日", "昨晚", "寻日", "琴日", "噚日", "寻晚", "琴晚", "前天", "前日", "上次", "刚才", "头先", "啱啱") != "":
		return pastSpan(), true
	case p.han("大后天", "大后日") != "":
		return single(p.today + 3), true
	case p.han("后天", "后日") != "":
		return single(p.today + 2), true
	case p.han("明天", "明日", "明早", "明晚", "听日", "听朝", "听晚", "聼日", "第二日", "翌日") != "":
		return single(p.today + 1), true
	case p.han("今天", "今日", "今晚", "今朝", "今晏", "今个下昼", "今个晏昼", "今早", "当天", "即日") != "":
		return single(p.today), true
	case p.han("夜啲", "晚啲", "晚点儿", "晚点", "迟啲今日") != "":
		return span{p.today, p.today + 1, p.today + 1}, true
	case p.han("收工前", "收工之前", "放工前", "放工之前", "下班前", "下班之前", "落班前", "散会前", "午饭前", "下午", "下昼", "晏昼", "中午前", "中午之前") != "":
		return single(p.today), true
	}
	return span{}, false
}

// chineseWeekday reads 一 to 六, 日, 天, also as a digit.
func (p *timeParser) chineseWeekday() (int, bool) {
	if p.han("日", "天") != "" {
		return 6, true
	}
	word := p.peek(0)
	n := chineseDigit(word)
	if n < 0 {
		if d, ok := digits(word); ok {
			n = d
		}
	}
	if n < 1 || n > 6 || word == "两" {
		return 0, false
	}
	if next := p.peek(1); next == "个" || next == "周" || next == "天" || next == "日" && n > 1 { // 週三個
		return 0, false
	}
	p.at++
	return n - 1, true
}

// chinesePart reads 初, 中, 底 behind a month, week or year.
func (p *timeParser) chinesePart() part {
	switch {
	case p.han("月初", "初", "头") != "":
		return early
	case p.han("月中旬", "中旬", "中") != "":
		return middle
	case p.han("月底", "月尾", "结束", "底", "尾", "末") != "":
		return late
	}
	return whole
}

// readChineseWeek reads 下週, 下個禮拜三, 星期五, 這週末, 下下週一.
func readChineseWeek(p *timeParser) (span, bool) {
	monday := p.today.monday()
	shift, named := 0, true
	if !p.beginsWeek() {
		return span{}, false
	}
	switch {
	case p.han("上上个", "上上", "上个", "上") != "":
		if p.han("星期", "礼拜", "周") == "" {
			return span{}, false
		}
		p.chineseWeekday()
		return pastSpan(), true
	case p.han("下下个", "下下") != "":
		shift = 2
	case p.han("下个", "下一个", "下一", "下") != "":
		shift = 1
	case p.han("这个", "这一", "这", "今个", "今", "呢个", "呢", "本", "依个") != "":
	default:
		named = false
	}
	switch {
	case p.han("周末", "星期尾", "礼拜尾") != "":
		return weekend(monday + day(7*shift)), true
	case p.han("星期", "礼拜", "拜", "周") == "":
		return span{}, false
	}
	monday += day(7 * shift)
	if p.han("末") != "" {
		return weekend(monday), true
	}
	if weekday, ok := p.chineseWeekday(); ok {
		d := monday + day(weekday)
		if !named || shift == 0 && d < p.today {
			d = p.today.nextWeekday(weekday)
		}
		return single(d), true
	}
	if !named {
		return span{}, false
	}
	return weekPart(monday, p.chinesePart()), true
}

// beginsWeek rules out 一週一次 (the 週 counts) and 看一下週五 (the 下 belongs to the verb).
func (p *timeParser) beginsWeek() bool {
	before := p.peek(-1)
	switch p.peek(0) {
	case "周":
		return before != "每" && before != "几" && chineseDigit(before) < 0
	case "下":
		switch before {
		case "一", "睇", "问", "倾", "谂", "估", "试", "执", "对", "查", "讲":
			return false
		}
	}
	return true
}

// readChineseMonth reads 下個月初, 月底, 這個月, 九月尾.
func readChineseMonth(p *timeParser) (span, bool) {
	year, month := p.today.ym()
	switch {
	case p.han("上个月", "上月") != "":
		return pastSpan(), true
	case p.han("下下个月") != "":
		return p.relativeMonth(2)
	case p.han("下个月", "下一个月", "下月") != "":
		return p.relativeMonth(1)
	case p.han("这个月", "今个月", "呢个月", "本月", "今月", "当月") != "":
		return p.relativeMonth(0)
	}
	if p.peek(0) == "月" { // 月底 alone
		p.at++
		which := p.chinesePart()
		if which == whole {
			return span{}, false
		}
		if monthPart(year, month, which).hi < p.today {
			year, month = newDay(year, month+1, 1).ym()
		}
		return monthPart(year, month, which), true
	}
	m, ok := p.chineseMonthName()
	if !ok {
		return span{}, false
	}
	which := p.chinesePart()
	y := monthAhead(p.today, m)
	if which != whole && monthPart(y, m, which).hi < p.today {
		y++
	}
	s := monthPart(y, m, which)
	if next := p.peek(0); which == whole && (next == "前" || next == "之" && p.peek(1) == "前" || next == "以" && p.peek(1) == "前") {
		s.hi, s.best = s.lo, s.lo
	}
	return s, true
}

// relativeMonth reads what follows 下個月: a day or a part.
func (p *timeParser) relativeMonth(ahead int) (span, bool) {
	year, month := p.today.ym()
	y, m := newDay(year, month+time.Month(ahead), 1).ym()
	at := p.at
	if n, ok := p.number(); ok && p.han("号", "日") != "" {
		if d, exists := validDay(y, m, n); exists {
			return single(d), true
		}
		return span{}, true
	}
	p.at = at
	return monthPart(y, m, p.chinesePart()), true
}

// chineseMonthName reads 九月, 12月.
func (p *timeParser) chineseMonthName() (time.Month, bool) {
	at := p.at
	n, ok := p.number()
	if !ok || n < 1 || n > 12 || p.peek(0) != "月" || p.peek(-1) == "个" {
		p.at = at
		return 0, false
	}
	p.at++
	return time.Month(n), true
}

// readChineseMonthDay reads 三月十八號, 十六號, 2026年3月18日.
func readChineseMonthDay(p *timeParser) (span, bool) {
	year, hasYear := 0, false
	at := p.at
	if n, ok := p.number(); ok && n > 1990 && n < 2200 && p.peek(0) == "年" {
		p.at++
		year, hasYear = n, true
	} else {
		p.at = at
	}
	month, hasMonth := p.chineseMonthName()
	n, ok := p.number()
	if !ok || n < 1 || n > 99 {
		return span{}, false
	}
	mark := p.han("号", "日")
	if mark == "" && !hasMonth || mark == "日" && !hasMonth { // 两日 counts days
		return span{}, false
	}
	if mark == "" && (p.peek(0) == "个" || p.peek(0) == "天") {
		return span{}, false
	}
	switch {
	case hasMonth && hasYear:
		d, exists := validDay(year, month, n)
		if !exists {
			return span{}, true
		}
		return single(d), true
	case hasMonth:
		if d, exists := monthDay(p.today, month, n); exists {
			return single(d), true
		}
		return span{}, true
	}
	if d, exists := dayOfMonth(p.today, n); exists {
		return single(d), true
	}
	return span{}, true
}

// readChineseQuarter reads 第三季, 季度末, 下個季度, Q3.
func readChineseQuarter(p *timeParser) (span, bool) {
	year, month := p.today.ym()
	now := (int(month) + 2) / 3
	switch {
	case p.han("第") != "":
		n, ok := p.number()
		if !ok || n < 1 || n > 4 {
			return span{}, false
		}
		if n < now {
			year++
		}
		now = n
	case p.han("下个", "下") != "":
		now++
	case p.han("这个", "今个", "本", "这", "今") != "":
	}
	if p.han("季度", "季") == "" {
		return span{}, false
	}
	p.chinesePart()
	return quarterEnd(year+(now-1)/4, (now-1)%4+1), true
}

// readChineseYear reads 年底, 年尾, 年內, 明年, 年前.
func readChineseYear(p *timeParser) (span, bool) {
	year, _ := p.today.ym()
	next := p.han("明年", "出年") != ""
	if next {
		year++
	} else if p.han("今年") == "" && p.peek(0) == "年" {
		p.at++
	} else if p.peek(-1) != "年" {
		return span{}, false
	}
	switch which := p.chinesePart(); {
	case which == late, p.peek(0) == "内":
		return monthEnd(year, time.December), true
	case which == early:
		return span{newDay(year, 1, 1), newDay(year, 1, 31), newDay(year, 1, 31)}, next
	}
	return span{newDay(year, 1, 1), newDay(year, 12, 31), newDay(year, 12, 31)}, next
}

// readChineseDuration reads 三個工作天內, 兩週之內, 48小時內, 半個月後. Without 內 or 後 it is only a
// length of time.
func readChineseDuration(p *timeParser) (span, bool) {
	half := p.han("半") != ""
	n := 0
	if !half {
		var ok bool
		if n, ok = p.number(); !ok || n > 1000 {
			return span{}, false
		}
	}
	p.han("个")
	var d day
	switch {
	case p.han("工作天", "工作日") != "":
		d = p.today.workdays(n)
	case p.han("星期", "礼拜", "周") != "":
		d = p.today + day(7*n)
	case p.han("天", "日") != "":
		d = p.today + day(n)
	case p.han("小时", "钟头", "钟") != "":
		d = p.today + day(n/24)
	case p.han("月") != "":
		if half {
			d = p.today + 15
			break
		}
		t := p.today.time()
		var ok bool
		if d, ok = validDay(t.Year(), t.Month()+time.Month(n), t.Day()); !ok {
			d = newDay(t.Year(), t.Month()+time.Month(n)+1, 0)
		}
	default:
		return span{}, false
	}
	at := p.at
	if p.han("之内", "以内", "内", "之后", "以后", "后") == "" {
		if p.han("之前", "以前", "前") == "" {
			return span{}, false
		}
		return pastSpan(), true
	}
	p.at = at
	return single(d), true
}

// readChineseClock reads 五點前: a time of day alone means the meeting day.
func readChineseClock(p *timeParser) (span, bool) {
	n, ok := p.number()
	if !ok || n > 24 || p.han("点半", "点钟", "点") == "" {
		return span{}, false
	}
	next := p.peek(0)
	return single(p.today), next == "前" || next == "之" && p.peek(1) == "前" || next == "以" && p.peek(1) == "前"
}
