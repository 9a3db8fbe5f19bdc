package minutes

import (
	"time"

	"github.com/parley/parley"
)

// day is a civil date: days since 1970-01-01. No zone and no clock can move it.
type day int

const secondsPerDay = 24 * 60 * 60

// dayOf is the civil date of t in t's own zone.
func dayOf(t time.Time) day {
	return newDay(t.Year(), t.Month(), t.Day())
}

// newDay normalizes like time.Date: month 13 is next January, day 0 the last of the month before.
func newDay(year int, month time.Month, dayOfMonth int) day {
	seconds := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Unix()
	if seconds < 0 {
		seconds -= secondsPerDay - 1
	}
	return day(seconds / secondsPerDay)
}

func (d day) time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// date is the form that minutes carry.
func (d day) date() parley.Date { return parley.Date(d.time().Format(time.DateOnly)) }

// weekday counts from Monday = 0.
func (d day) weekday() int { return (int(d.time().Weekday()) + 6) % 7 }

// monday begins the week of d; weeks begin on Monday.
func (d day) monday() day { return d - day(d.weekday()) }

func (d day) ym() (int, time.Month) {
	t := d.time()
	return t.Year(), t.Month()
}

// nextWeekday is the next such weekday after d.
func (d day) nextWeekday(weekday int) day {
	ahead := (weekday - d.weekday() + 7) % 7
	if ahead == 0 {
		ahead = 7
	}
	return d + day(ahead)
}

// workdays counts n days ahead, skipping Saturdays and Sundays.
func (d day) workdays(n int) day {
	for n > 0 {
		d++
		if d.weekday() < 5 {
			n--
		}
	}
	return d
}

// lastWorkday is d, or the Friday before it.
func (d day) lastWorkday() day {
	for d.weekday() > 4 {
		d--
	}
	return d
}

// span is what a time expression allows; best is the one date to show. The zero span is no date.
type span struct {
	lo, hi, best day
}

func single(d day) span { return span{d, d, d} }

// week is any day of a week; its Friday stands for it.
func week(monday day) span { return span{monday, monday + 6, monday + 4} }

// weekend is Saturday or Sunday.
func weekend(monday day) span { return span{monday + 5, monday + 6, monday + 6} }

// monthEnd is the last day; the last working day does as well.
func monthEnd(year int, month time.Month) span {
	last := newDay(year, month+1, 0)
	return span{last.lastWorkday(), last, last}
}

// part of a month: its beginning, middle or end, or all of it.
type part int

const (
	whole part = iota
	early
	middle
	late
)

func monthPart(year int, month time.Month, p part) span {
	switch p {
	case early:
		return span{newDay(year, month, 1), newDay(year, month, 10), newDay(year, month, 10)}
	case middle:
		return span{newDay(year, month, 10), newDay(year, month, 20), newDay(year, month, 15)}
	case late:
		return monthEnd(year, month)
	default:
	}
	last := newDay(year, month+1, 0)
	return span{newDay(year, month, 1), last, last}
}

// weekPart narrows a week to its beginning, middle or end.
func weekPart(monday day, p part) span {
	switch p {
	case early:
		return span{monday, monday + 1, monday + 1}
	case middle:
		return span{monday + 1, monday + 3, monday + 2}
	case late:
		return span{monday + 4, monday + 6, monday + 4}
	default:
	}
	return week(monday)
}

// quarterEnd is the last day of quarter 1 to 4, like the end of its last month.
func quarterEnd(year, quarter int) span { return monthEnd(year, time.Month(quarter*3)) }

// from keeps a span on or after the meeting day; false when all of it is past.
func (s span) from(today day) (span, bool) {
	if s.hi < today {
		return span{}, false
	}
	s.lo, s.best = max(s.lo, today), max(s.best, today)
	return s, true
}

// valid dates exist: there is no 31 February.
func validDay(year int, month time.Month, dayOfMonth int) (day, bool) {
	d := newDay(year, month, dayOfMonth)
	t := d.time()
	return d, t.Year() == year && t.Month() == month && t.Day() == dayOfMonth
}

// dayOfMonth is the next such day on or after today, looking at most a year ahead for months that
// are too short; false when there is none (the 32nd).
func dayOfMonth(today day, n int) (day, bool) {
	year, month := today.ym()
	for ahead := range 12 {
		first := newDay(year, month+time.Month(ahead), 1)
		y, m := first.ym()
		if d, ok := validDay(y, m, n); ok && d >= today {
			return d, true
		}
	}
	return 0, false
}

// monthDay is the next such date on or after today; false when it does not exist within a year.
func monthDay(today day, month time.Month, n int) (day, bool) {
	year, _ := today.ym()
	for ahead := range 2 {
		if d, ok := validDay(year+ahead, month, n); ok && d >= today {
			return d, true
		}
	}
	return 0, false
}

// monthAhead is the first month of that name that has not passed.
func monthAhead(today day, month time.Month) int {
	year, now := today.ym()
	if month < now {
		return year + 1
	}
	return year
}
