package minutes

import (
	_ "embed"
	"fmt"
	"strings"
)

// The tables that the rules are made of; each explains its own form in its first lines.
var (
	//go:embed tables/verbs.txt
	verbTable string
	//go:embed tables/depts.txt
	deptTable string
	//go:embed tables/cues_en.txt
	englishCueTable string
	//go:embed tables/cues_zh.txt
	chineseCueTable string
)

// lexicon is all tables compiled: constant, and shared by every meeting.
type lexicon struct {
	fold     *folder
	verbs    map[string]tag // forms of verbs of work
	depts    departments
	calendar *calendar
	cues     *cueIndex
}

// newLexicon compiles the tables that are built in. An error is a mistake in one of them.
func newLexicon() (*lexicon, error) {
	fold := newFolder(foldTable)
	l := &lexicon{fold: fold, verbs: readVerbs(verbTable), depts: readDepartments(fold, deptTable)}
	var err error
	if l.calendar, err = newCalendar(fold); err != nil {
		return nil, err
	}
	if l.cues, err = readCues(fold, englishCueTable, chineseCueTable); err != nil {
		return nil, fmt.Errorf("cue tables: %w", err)
	}
	return l, nil
}

// readVerbs makes the forms of each verb.
func readVerbs(table string) map[string]tag {
	verbs := map[string]tag{}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, entry := range strings.Fields(line) {
			forms := strings.Split(entry, "/")
			base, doing, did := forms[0], "", ""
			if len(forms) == 3 {
				doing, did = forms[1], forms[2]
			} else {
				doing, did = inflect(base)
			}
			verbs[base] |= tagDo
			verbs[doing] |= tagDoing
			verbs[did] |= tagDid
			verbs[third(base)] |= tagDoes
		}
	}
	return verbs
}

// inflect makes -ing and -ed by the regular rules.
func inflect(base string) (doing, did string) {
	stem := base
	last := base[len(base)-1]
	before := byte('a')
	if len(base) > 1 {
		before = base[len(base)-2]
	}
	switch {
	case last == 'e':
		return base[:len(base)-1] + "ing", base + "d"
	case last == 'y' && strings.IndexByte("aeiou", before) < 0:
		return base + "ing", base[:len(base)-1] + "ied"
	}
	return stem + "ing", stem + "ed"
}

// third makes the form of "she orders".
func third(base string) string {
	last := base[len(base)-1]
	switch {
	case last == 'y' && len(base) > 1 && strings.IndexByte("aeiou", base[len(base)-2]) < 0:
		return base[:len(base)-1] + "ies"
	case last == 's' || last == 'x' || last == 'z' || last == 'o' || strings.HasSuffix(base, "ch") || strings.HasSuffix(base, "sh"):
		return base + "es"
	}
	return base + "s"
}

// departments finds the names of departments in text.
type departments struct {
	alone  map[string][][]string // by first token
	named  map[string][][]string
	suffix map[string][][]string
	teams  map[string]bool // English suffixes
	not    map[string]bool
}

// readDepartments compiles the table.
func readDepartments(fold *folder, table string) departments {
	d := departments{
		alone: map[string][][]string{}, named: map[string][][]string{}, suffix: map[string][][]string{},
		teams: map[string]bool{}, not: map[string]bool{},
	}
	for line := range strings.Lines(table) {
		kind, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		split := strings.Fields(rest)
		if kind == "pair" {
			split = strings.Split(rest, "/")
		}
		for _, entry := range split {
			s := scanner{fold: fold, text: entry}
			s.scan()
			var words []string
			for _, t := range s.tokens {
				if !t.has(tagComma) {
					words = append(words, t.word)
				}
			}
			switch kind {
			case "alone", "pair":
				d.alone[words[0]] = append(d.alone[words[0]], words)
			case "named":
				d.named[words[0]] = append(d.named[words[0]], words)
			case "suffix-zh":
				d.suffix[words[0]] = append(d.suffix[words[0]], words)
			case "suffix-en":
				d.teams[words[0]] = true
			case "not":
				d.not[strings.Join(words, "")] = true
			}
		}
	}
	return d
}

// longestOf is the length of the longest entry that begins at token i.
func longestOf(table map[string][][]string, tokens []token, i int) int {
	best := 0
	if i >= len(tokens) {
		return 0
	}
	for _, words := range table[tokens[i].word] {
		if len(words) <= best || i+len(words) > len(tokens) {
			continue
		}
		fits := true
		for j, word := range words {
			if tokens[i+j].word != word {
				fits = false
				break
			}
		}
		if fits {
			best = len(words)
		}
	}
	return best
}

// at is how many tokens the department that begins at token i takes; 0 where none does.
func (d *departments) at(tokens []token, i int, text string) int {
	word := tokens[i].word
	if word == "it" { // only in capitals
		if text != "IT" {
			return 0
		}
		return 1 + d.suffixAt(tokens, i+1)
	}
	if n := longestOf(d.named, tokens, i); n > 0 {
		if s := d.suffixAt(tokens, i+n); s > 0 {
			return n + s
		}
	}
	if n := longestOf(d.alone, tokens, i); n > 0 {
		s := d.suffixAt(tokens, i+n)
		if s == 0 && n == 1 && !tokens[i].has(tagHan) && !tokens[i].has(tagOpen) && (i == 0 || !beforeDept(tokens[i-1].word)) &&
			(len(text) < 2 || text != strings.ToUpper(text)) {
			return 0 // "the design", "product": also everyday words, unlike HR
		}
		return n + s
	}
	if tokens[i].has(tagHan) {
		return d.guessHan(tokens, i)
	}
	if i+1 < len(tokens) && d.teams[tokens[i+1].word] && !isGrammar(word) && !tokens[i].has(tagComma) {
		return 2
	}
	return 0
}

// suffixAt is the length of 部, 那邊 or "team" at token i.
func (d *departments) suffixAt(tokens []token, i int) int {
	if i < len(tokens) && d.teams[tokens[i].word] {
		return 1
	}
	return longestOf(d.suffix, tokens, i)
}

// guessHan takes two or three unknown characters before 部, 組, 處 or 科 where a clause begins or a
// word that hands work over stands before them.
func (d *departments) guessHan(tokens []token, i int) int {
	if i > 0 && !tokens[i].has(tagOpen) && !handsOver(tokens[i-1].word) {
		return 0
	}
	for n := 2; n <= 3 && i+n < len(tokens); n++ {
		if !tokens[i+n-1].has(tagHan) || isChineseGrammar(tokens[i+n-1].word) || isChineseGrammar(tokens[i].word) || handsOver(tokens[i].word) {
			return 0
		}
		switch tokens[i+n].word {
		case "部", "组", "处", "科":
			if d.not[tokens[i+n-1].word+tokens[i+n].word] {
				return 0
			}
			return n + 1
		}
	}
	return 0
}

// beforeDept are words that a department by its bare name follows.
func beforeDept(word string) bool {
	switch word {
	case "the", "and", "on", "with", "to", "by", "from", "ask", "tell", "get", "have", "let", "chase", "that", "for", "is":
		return true
	}
	return handsOver(word)
}

func handsOver(word string) bool {
	switch word {
	case "叫", "让", "请", "由", "等", "同", "俾", "麻":
		return true
	}
	return false
}

// isChineseGrammar are characters that do not stand inside a department's name.
func isChineseGrammar(word string) bool {
	switch word {
	case "的", "嘅", "了", "我", "你", "他", "她", "佢", "们", "哋", "是", "系", "在", "喺", "有", "这", "那", "呢", "嗰", "个",
		"一", "两", "几", "要", "会", "就", "都", "把", "将", "和", "同", "跟", "到", "说", "话", "每", "各", "某":
		return true
	}
	return false
}

// isGrammar are words that do not stand before "team" as its name.
func isGrammar(word string) bool {
	switch word {
	case "the", "a", "an", "my", "our", "your", "their", "his", "her", "this", "that", "whole", "entire", "each", "every",
		"and", "or", "of", "as", "to", "is", "in", "on", "with", "for", "good", "great", "new", "you", "these", "those", "other", "same", "one", "no", "any", "some", "'s":
		return true
	}
	return false
}
