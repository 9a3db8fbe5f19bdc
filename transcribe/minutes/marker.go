package minutes

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// typedCommands begin a line of chat that is to be an action item.
func typedCommands() []string {
	return []string{"/action", "/todo", "/task", "/記低", "/记低", "/待辦", "/待办", "/行動", "/行动"}
}

// Marked reports whether a typed line asks to note an action item: /action.
func Marked(text string) bool { return typedMarker(text) > 0 }

// typedMarker is how many bytes of a text are the command in front of what is to be noted; 0 where
// there is none, or nothing behind it.
func typedMarker(text string) int {
	start := len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
	rest := text[start:]
	if wide, ok := strings.CutPrefix(rest, "／"); ok { // as Chinese input methods write it
		rest, start = "/"+wide, start+len("／")-1
	}
	for _, command := range typedCommands() {
		if len(rest) < len(command) || !strings.EqualFold(rest[:len(command)], command) {
			continue
		}
		behind := rest[len(command):]
		next, _ := utf8.DecodeRuneInString(behind)
		if command[1] < utf8.RuneSelf && unicode.IsLetter(next) { // "/actionable"
			continue
		}
		if what := strings.TrimLeftFunc(behind, func(r rune) bool { return unicode.IsSpace(r) || r == ':' || r == '：' }); what != "" {
			return start + len(rest) - len(what)
		}
	}
	return 0
}

// mark is a request to note something down.
type mark struct {
	line int    // that says so
	cue  string // or "typed"
}

// findMarks lists what people asked to note, by the line that says what it is: the marked line itself,
// or where that only points ("note that down"), the one before it with something to say.
func (k *talk) findMarks() map[int]mark {
	marks := map[int]mark{}
	for i := range k.lines {
		l := &k.lines[i]
		if l.typed {
			marks[i] = mark{i, "typed"}
			continue
		}
		h, back, ok := k.spokenMark(l)
		if !ok {
			continue
		}
		name := k.lexicon.cues.cues[h.cue].name
		switch {
		case k.wordsBeside(l, h) >= 2:
			marks[i] = mark{i, name}
		case back:
			if target := k.lineToNote(i, -1); target >= 0 {
				marks[target] = mark{i, name}
			}
		default:
			if target := k.lineToNote(i, 1); target >= 0 && k.lines[target].speaker == l.speaker {
				marks[target] = mark{i, name}
			}
		}
	}
	return marks
}

// spokenMark finds the cue that asks to note something; back says that it points at what was said.
// Who asks for the action items, or says that there are none, notes nothing.
func (k *talk) spokenMark(l *line) (h hit, back, ok bool) {
	for _, one := range l.hits {
		c := &k.lexicon.cues.cues[one.cue]
		switch {
		case c.kind == cueList && (c.name == "marker" || c.name == "標記") && !l.asks:
			h, ok = one, true
		case c.kind == cueList && (c.name == "marker-that" || c.name == "標記之"):
			h, back, ok = one, true, true
		case c.kind == cueAgainst && (c.name == "negated" || c.name == "否定") && !k.covered(l, one):
			return hit{}, false, false
		}
	}
	return h, back, ok
}

// wordsBeside counts the words of a line outside a cue.
func (k *talk) wordsBeside(l *line, h hit) int {
	n := 0
	for i := range l.tokens {
		if (i < h.from || i >= h.to) && !l.tokens[i].has(tagComma) && !isParticle(l.tokens[i].word) && !isLead(l.tokens[i].word) {
			n++
		}
	}
	return n
}

// lineToNote is the nearest line before or behind one that says more than yes, within three; or -1.
func (k *talk) lineToNote(index, step int) int {
	const near, fewest = 3, 4
	for n := 1; n <= near; n++ {
		i := index + n*step
		if i < 0 || i >= len(k.lines) {
			break
		}
		length := len(k.lines[i].tokens)
		if length >= 2*fewest || length >= fewest && k.answer(i) != accepts {
			return i
		}
	}
	return -1
}
