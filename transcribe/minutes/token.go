package minutes

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tag says what a token is part of; several may hold.
type tag uint16

// The tags. Patterns name them in angle brackets.
const (
	tagOpen  tag = 1 << iota // a clause may begin here
	tagShut                  // only particles follow in this clause
	tagName                  // a participant's name or alias, whole mention
	tagDept                  // a department
	tagDate                  // a time expression
	tagDo                    // a verb of work in its base form
	tagDoing                 // such a verb with -ing
	tagDid                   // such a verb in the past
	tagHan                   // a Chinese character
	tagComma                 // a break inside a sentence
	tagNum                   // a number
	tagDoes                  // a verb of work with -s
)

// token is a word, a Chinese character, or a comma; never empty.
type token struct {
	word   string // folded
	utt    int    // index of its utterance in the transcript
	clause int    // number of its clause in the line
	start  int    // byte range in that utterance's text
	end    int
	tags   tag
	// jump is how many tokens the mention that starts here takes; 0 where none starts.
	jump int
	// who or when the mention that starts here stands for: an index into the line's mentions.
	ref int
}

// has reports whether the token carries all of t.
func (t *token) has(want tag) bool { return t.tags&want == want }

// contractions expand by their ending, after the apostrophe was folded.
func contraction(word string) (head, tail string) {
	for _, c := range [...][2]string{
		{"'ll", "will"}, {"'re", "are"}, {"'ve", "have"}, {"'d", "would"}, {"'m", "am"}, {"n't", "not"}, {"'s", "'s"},
	} {
		if stem, ok := strings.CutSuffix(word, c[0]); ok && stem != "" {
			return stem, c[1]
		}
	}
	return word, ""
}

// irregular words become two or more; a recognizer writes them in any of these ways.
func irregular(word string) string {
	switch word {
	case "can't", "cannot", "cant":
		return "can not"
	case "won't", "wont":
		return "will not"
	case "shan't":
		return "shall not"
	case "gonna":
		return "going to"
	case "wanna":
		return "want to"
	case "gotta":
		return "got to"
	case "let's", "lets":
		return "let us"
	case "y'all":
		return "you all"
	case "dont":
		return "do not"
	case "didnt":
		return "did not"
	case "im":
		return "i am"
	case "youre":
		return "you are"
	case "youll":
		return "you will"
	case "thats":
		return "that is"
	case "ok", "okey":
		return "okay"
	case "e-mail":
		return "email"
	case "todo", "to-do":
		return "to do"
	}
	return word
}

// isFiller reports sounds that carry nothing.
func isFiller(word string) bool {
	switch word {
	case "um", "uh", "er", "erm", "uhm", "umm", "hmm", "mm", "ah", "eh", "呃", "誒", "诶", "㖞":
		return true
	}
	return false
}

// sentence ends; a full stop between digits does not count.
func isStop(r rune) bool {
	switch r {
	case '.', '?', '!', '。', ';', '\n', '\r', '…':
		return true
	}
	return false
}

func isComma(r rune) bool {
	switch r {
	case ',', '、', ':', '，', '：', '(', ')', '"', '“', '”', '「', '」', '/':
		return true
	}
	return r == '—'
}

// scanner cuts one utterance's text into tokens and tells where sentences end.
type scanner struct {
	fold   *folder
	utt    int
	text   string
	from   int // byte that it begins at
	tokens []token
	stops  []int // numbers of tokens after which a sentence ends
	asks   []int // those of them that a question mark makes
}

// scan reads the whole text.
func (s *scanner) scan() {
	for at := s.from; at < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[at:])
		folded := s.fold.rune(r)
		switch {
		case isHan(folded):
			s.add(string(folded), at, at+size, tagHan)
			at += size
		case unicode.IsLetter(folded) || unicode.IsDigit(folded):
			at = s.scanWord(at)
		case isStop(folded):
			s.stop(folded == '?')
			at += size
		case isComma(folded):
			s.comma(at, size)
			at += size
		default: // blanks, marks, emoji
			at += size
		}
	}
}

// scanWord reads a run of letters, digits and what may stand inside a word.
func (s *scanner) scanWord(start int) int {
	at := start
	var b strings.Builder
	for at < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[at:])
		folded := s.fold.rune(r)
		inside := folded == '\'' || folded == '_' || (folded == '.' || folded == ',') && s.digitAround(at, size)
		if isHan(folded) || !unicode.IsLetter(folded) && !unicode.IsDigit(folded) && !inside {
			break
		}
		if folded != '_' && folded != ',' { // "U_I_D_" is one abbreviation, "1,000" one number
			b.WriteRune(folded)
		}
		at += size
	}
	s.addWord(strings.Trim(b.String(), "'"), start, at)
	return at
}

// digitAround reports whether the mark at a byte offset stands between two digits.
func (s *scanner) digitAround(at, size int) bool {
	if at == 0 || at+size >= len(s.text) {
		return false
	}
	return s.text[at-1] >= '0' && s.text[at-1] <= '9' && s.text[at+size] >= '0' && s.text[at+size] <= '9'
}

// addWord expands contractions: both halves keep the place of the whole.
func (s *scanner) addWord(word string, start, end int) {
	if word == "" || isFiller(word) {
		return
	}
	for part := range strings.SplitSeq(irregular(word), " ") {
		head, tail := contraction(part)
		s.add(head, start, end, 0)
		if tail != "" {
			s.add(tail, start, end, 0)
		}
	}
}

func (s *scanner) add(word string, start, end int, tags tag) {
	if word[0] >= '0' && word[0] <= '9' {
		tags |= tagNum
	}
	s.tokens = append(s.tokens, token{word: word, utt: s.utt, start: start, end: end, tags: tags, ref: -1})
}

func (s *scanner) comma(at, size int) {
	if n := len(s.tokens); n > 0 && !s.tokens[n-1].has(tagComma) {
		s.add(",", at, at+size, tagComma)
	}
}

func (s *scanner) stop(asks bool) {
	if len(s.tokens) == 0 {
		return
	}
	s.stops = append(s.stops, len(s.tokens))
	if asks {
		s.asks = append(s.asks, len(s.tokens))
	}
}
