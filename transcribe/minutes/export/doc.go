// Package export writes what a meeting agreed on as files to take along: CSV for spreadsheets, JSON for
// programs, Markdown for people, iCalendar for the tasks of a calendar. It is pure.
//
// export.go is the way in; csv.go, markdown.go, json.go and calendar.go each write one format. All of
// them write text that was spoken or typed by anybody: each escapes it, so that it cannot become a
// formula, markup or a property of its own.
//
// Sources: RFC 4180; CommonMark 0.31; RFC 5545; OWASP, "CSV Injection".
package export
