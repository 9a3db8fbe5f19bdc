package minutes

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// holidayTable lists the days that people name instead of a date.
//
//go:embed tables/holidays.txt
var holidayTable string

// holiday is one such day: fixed in the civil year, or by a list of dates for the lunar ones.
type holiday struct {
	words [][]string // its names, folded, as tokens
	month time.Month // 0 where dates holds
	day   int
	dates map[int]day // by civil year
}

// readHolidays compiles the table: names, equals sign, then MM-DD or a list of YYYY-MM-DD.
func readHolidays(fold *folder, table string) ([]holiday, error) {
	var all []holiday
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		names, dates, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("holiday %q has no date", line)
		}
		h := holiday{dates: map[int]day{}}
		for name := range strings.SplitSeq(names, ",") {
			s := scanner{fold: fold, text: name}
			s.scan()
			words := make([]string, 0, len(s.tokens))
			for _, t := range s.tokens {
				words = append(words, t.word)
			}
			h.words = append(h.words, words)
		}
		for date := range strings.FieldsSeq(dates) {
			if err := h.add(date); err != nil {
				return nil, fmt.Errorf("holiday %q: %w", line, err)
			}
		}
		all = append(all, h)
	}
	return all, nil
}

func (h *holiday) add(date string) error {
	if t, err := time.Parse(time.DateOnly, date); err == nil {
		h.dates[t.Year()] = dayOf(t)
		return nil
	}
	month, n, _ := strings.Cut(date, "-")
	m, err := strconv.Atoi(month)
	if err != nil || m < 1 || m > 12 {
		return fmt.Errorf("%q is not a date", date)
	}
	h.month = time.Month(m)
	h.day, err = strconv.Atoi(n)
	return err
}

// next is its next date on or after today; false where the table does not reach.
func (h *holiday) next(today day) (day, bool) {
	year, _ := today.ym()
	for ahead := range 2 {
		d, ok := h.dates[year+ahead]
		if h.month != 0 {
			d, ok = newDay(year+ahead, h.month, h.day), true
		}
		if ok && d >= today {
			return d, true
		}
	}
	return 0, false
}

// readHoliday reads a name from the table, the longest one that fits.
func readHoliday(p *timeParser) (span, bool) {
	start, best := p.at, 0
	var found *holiday
	for i := range p.holidays {
		for _, words := range p.holidays[i].words {
			if len(words) > best && p.fits(words) {
				best, found = len(words), &p.holidays[i]
			}
		}
	}
	if found == nil {
		return span{}, false
	}
	p.at = start + best
	if d, ok := found.next(p.today); ok {
		return single(d), true
	}
	return span{}, true
}

// fits reports whether the tokens from here are these words.
func (p *timeParser) fits(words []string) bool {
	for i, word := range words {
		if p.peek(i) != word {
			return false
		}
	}
	return true
}
