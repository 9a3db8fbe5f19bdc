package minutes

import (
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
)

// mustCalendar compiles the date tables.
func mustCalendar(t testing.TB) (*calendar, *folder) {
	t.Helper()
	fold := newFolder(foldTable)
	c, err := newCalendar(fold)
	if err != nil {
		t.Fatal(err)
	}
	return c, fold
}

// dates resolves all time expressions of text as said on a day.
func dates(c *calendar, fold *folder, text string, today day) []when {
	s := scanner{fold: fold, text: text}
	s.scan()
	return c.find(s.tokens, today)
}

func mustDay(t testing.TB, date string) day {
	t.Helper()
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return dayOf(d)
}

// The meeting is on Wednesday, 11 March 2026.
func TestDatesResolveAsPeopleMeanThem(t *testing.T) {
	t.Parallel()
	c, fold := mustCalendar(t)
	today := mustDay(t, "2026-03-11")
	for text, want := range map[string]string{
		"by friday":                            "2026-03-13 2026-03-13 2026-03-13",
		"on Wednesday":                         "2026-03-18 2026-03-18 2026-03-18",
		"before Monday":                        "2026-03-15 2026-03-16 2026-03-16",
		"next Tuesday":                         "2026-03-17 2026-03-17 2026-03-17",
		"Friday next week":                     "2026-03-20 2026-03-20 2026-03-20",
		"Friday week":                          "2026-03-20 2026-03-20 2026-03-20",
		"a week on Friday":                     "2026-03-20 2026-03-20 2026-03-20",
		"this week":                            "2026-03-11 2026-03-15 2026-03-13",
		"next week":                            "2026-03-16 2026-03-22 2026-03-20",
		"the week after next":                  "2026-03-23 2026-03-29 2026-03-27",
		"over the weekend":                     "2026-03-14 2026-03-15 2026-03-15",
		"tomorrow morning":                     "2026-03-12 2026-03-12 2026-03-12",
		"the day after tomorrow":               "2026-03-13 2026-03-13 2026-03-13",
		"by close of business":                 "2026-03-11 2026-03-11 2026-03-11",
		"end of day Thursday":                  "2026-03-12 2026-03-12 2026-03-12",
		"by noon on Friday":                    "2026-03-13 2026-03-13 2026-03-13",
		"on the fourteenth":                    "2026-03-14 2026-03-14 2026-03-14",
		"by the 3rd":                           "2026-04-03 2026-04-03 2026-04-03",
		"March 27th":                           "2026-03-27 2026-03-27 2026-03-27",
		"the twenty-first of April":            "2026-04-21 2026-04-21 2026-04-21",
		"2 January":                            "2027-01-02 2027-01-02 2027-01-02",
		"12 May 2027":                          "2027-05-12 2027-05-12 2027-05-12",
		"by the end of the month":              "2026-03-31 2026-03-31 2026-03-31",
		"before the end of May":                "2026-05-29 2026-05-31 2026-05-31",
		"mid September":                        "2026-09-10 2026-09-20 2026-09-15",
		"by the end of Q2":                     "2026-06-30 2026-06-30 2026-06-30",
		"in two weeks":                         "2026-03-25 2026-03-25 2026-03-25",
		"within three working days":            "2026-03-16 2026-03-16 2026-03-16",
		"in forty eight hours":                 "2026-03-13 2026-03-13 2026-03-13",
		"in a month":                           "2026-04-11 2026-04-11 2026-04-11",
		"before Christmas":                     "2026-12-24 2026-12-25 2026-12-25",
		"before the launch on Tuesday":         "2026-03-16 2026-03-17 2026-03-17",
		"2026-04-02":                           "2026-04-02 2026-04-02 2026-04-02",
		"by 25/3":                              "2026-03-25 2026-03-25 2026-03-25",
		"聽日":                                   "2026-03-12 2026-03-12 2026-03-12",
		"后天下午":                                 "2026-03-13 2026-03-13 2026-03-13",
		"下週三之前":                                "2026-03-17 2026-03-18 2026-03-18",
		"星期六":                                  "2026-03-14 2026-03-14 2026-03-14",
		"下下周一":                                 "2026-03-23 2026-03-23 2026-03-23",
		"下個禮拜":                                 "2026-03-16 2026-03-22 2026-03-20",
		"這個週末":                                 "2026-03-14 2026-03-15 2026-03-15",
		"月底前":                                  "2026-03-30 2026-03-31 2026-03-31",
		"下個月頭":                                 "2026-04-01 2026-04-10 2026-04-10",
		"九月中":                                  "2026-09-10 2026-09-20 2026-09-15",
		"廿三號前":                                 "2026-03-22 2026-03-23 2026-03-23",
		"四月十五号":                                "2026-04-15 2026-04-15 2026-04-15",
		"兩個禮拜之內":                               "2026-03-25 2026-03-25 2026-03-25",
		"三个工作日内":                               "2026-03-16 2026-03-16 2026-03-16",
		"收工前":                                  "2026-03-11 2026-03-11 2026-03-11",
		"第二季結束前":                               "2026-06-29 2026-06-30 2026-06-30",
		"年底之前":                                 "2026-12-30 2026-12-31 2026-12-31",
		"中秋節前":                                 "2026-09-24 2026-09-25 2026-09-25",
		"下星期二demo之前":                           "2026-03-16 2026-03-17 2026-03-17",
		"31 February":                          "left open",
		"the 32nd":                             "nothing",
		"by 4/5":                               "nothing",
		"yesterday":                            "left open",
		"last Friday":                          "left open",
		"上星期四":                                 "left open",
		"every Monday":                         "left open",
		"for the twenty eighth":                "left open",
		"the second chart":                     "nothing",
		"two weeks of work":                    "nothing",
		"the Christmas banner":                 "nothing",
		"一周一次":                                 "nothing",
		"may I march on":                       "nothing",
		"看一下周五":                                "2026-03-13 2026-03-13 2026-03-13",
		"十六號同十七號":                              "2026-03-16 2026-03-16 2026-03-16",
		"In the year two thousand":             "nothing",
		strings.Repeat("next ", 200) + "week":  "2026-03-16 2026-03-22 2026-03-20",
		strings.Repeat("一", 200) + "號":         "nothing",
		"in nine thousand nine hundred months": "nothing",
	} {
		got := "nothing"
		if found := dates(c, fold, text, today); len(found) > 0 {
			w := found[0]
			if got = "left open"; w.dated {
				got = string(w.span.lo.date() + " " + w.span.hi.date() + " " + w.span.best.date())
			}
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// expressions are ways to name a day, for the properties below.
func expressions() []string {
	all := []string{
		"today", "tomorrow", "this week", "next week", "the week after next", "over the weekend", "next weekend",
		"by the end of the week", "early next week", "by the end of the month", "next month", "mid next month",
		"by the end of the quarter", "by the end of the year", "in two weeks", "in ten working days", "in three months",
		"on the fourteenth", "by the 31st", "on 29 February", "by 12 August", "before Christmas", "before Easter",
		"今日", "後日", "下週", "下下週", "月底", "下個月頭", "月中", "年底前", "三個工作天內", "半個月內", "十六號", "卅一號", "八月十二號", "第三季結束前", "下季", "春節前",
	}
	for _, name := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
		all = append(all, "on "+name, "this "+name, "next "+name, name+" week", "before "+name)
	}
	for _, name := range []string{"一", "二", "三", "四", "五", "六", "日"} {
		all = append(all, "星期"+name, "這個禮拜"+name, "下週"+name, "下下週"+name, "週"+name+"之前")
	}
	return all
}

func TestDatesAreNeverBeforeTheMeetingAndRiseWithIt(t *testing.T) {
	t.Parallel()
	c, fold := mustCalendar(t)
	first := mustDay(t, "2025-12-01")
	for _, text := range expressions() {
		last := day(0)
		for today := first; today < first+800; today++ {
			found := dates(c, fold, text, today)
			if len(found) != 1 {
				t.Fatalf("%q on %s: %d expressions", text, today.date(), len(found))
			}
			w := found[0]
			if !w.dated {
				continue
			}
			if w.span.best < today || w.span.best < w.span.lo-1 || w.span.best > w.span.hi || w.span.hi < today {
				t.Fatalf("%q on %s is %s (%s to %s)", text, today.date(), w.span.best.date(), w.span.lo.date(), w.span.hi.date())
			}
			if w.span.best < last {
				t.Fatalf("%q on %s is %s, but %s a day earlier", text, today.date(), w.span.best.date(), last.date())
			}
			last = w.span.best
		}
		if last == 0 {
			t.Errorf("%q never names a date", text)
		}
	}
}

func FuzzDates(f *testing.F) {
	for _, text := range expressions() {
		f.Add(text, int64(20_000))
	}
	f.Add("by 99999999999999999999 weeks before the first of 29 February 一百百十廿卅月號", int64(-400_000))
	fold := newFolder(foldTable)
	c, err := newCalendar(fold)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		today := day(at % 1_000_000)
		end := 0
		for _, w := range dates(c, fold, text, today) {
			if w.from < end || w.to <= w.from {
				t.Fatalf("expressions overlap: %d to %d after %d", w.from, w.to, end)
			}
			end = w.to
			if w.dated && (w.span.best < today || w.span.hi < w.span.best) {
				t.Fatalf("%q on %d is %+v", text, today, w.span)
			}
		}
	})
}

func TestDueWordsAreVerbatim(t *testing.T) {
	t.Parallel()
	l, err := newLexicon()
	if err != nil {
		t.Fatal(err)
	}
	tr := parley.Transcript{
		Meeting:    parley.Meeting{Zone: "Asia/Hong_Kong", Started: time.Date(2026, 3, 11, 16, 30, 0, 0, time.UTC)},
		Utterances: []parley.Utterance{{ID: "u1", Text: "I'll send it   By  Next-Friday!"}},
	}
	k := newTalk(l, &tr)
	if k.today.date() != "2026-03-12" { // after midnight in Hong Kong
		t.Errorf("the meeting day is %s", k.today.date())
	}
	d := k.lines[0].dates[0]
	due := d.due(k.text(&k.lines[0], d.from, d.to))
	if due.Text != "By  Next-Friday" || due.Date != "2026-03-20" {
		t.Errorf("due %+v", due)
	}
}
