package minutes

import (
	"strings"
	"unicode/utf8"

	"github.com/parley/parley"
)

// roster finds participants by the names they are called. It is built once per meeting.
type roster struct {
	people []parley.Participant
	first  map[string][]calling // by first token
	sounds []sounding
}

// calling is one way to call one or more participants.
type calling struct {
	words []string
	who   []int // participants; more than one: ambiguous
	title bool  // a role in the organization, weaker than a name
}

// sounding is a Latin first name that may be heard wrong.
type sounding struct {
	name string
	who  int
}

// newRoster collects the full, first, given and pet names of all participants.
func newRoster(fold *folder, people []parley.Participant) *roster {
	r := &roster{people: people, first: map[string][]calling{}}
	for i, p := range people {
		names := append([]string{p.Name}, p.Aliases...)
		for _, name := range names {
			title := p.Title != "" && strings.EqualFold(name, p.Title)
			for _, variant := range variants(fold.text(name), title) {
				r.add(fold, variant, i, title)
			}
		}
		if p.Title != "" {
			r.add(fold, p.Title, i, true)
		}
	}
	return r
}

// variants are the ways to call somebody of this (folded) name.
func variants(name string, title bool) []string {
	all := []string{name}
	if title {
		return all
	}
	runes := []rune(name)
	han := 0
	for _, r := range runes {
		if isHan(r) {
			han++
		}
	}
	switch {
	case han == len(runes) && (han == 3 || han == 4): // 林志明: 志明, 阿明, 小林
		given := string(runes[len(runes)-2:])
		all = append(all, given, "阿"+string(runes[len(runes)-1:]), "小"+string(runes[:1]), "老"+string(runes[:1]))
		all = append(all, pets(runes[len(runes)-1:])...)
	case han == len(runes) && han == 2 && runes[0] != '阿' && runes[0] != '小' && runes[0] != '老': // 張偉: 小張
		all = append(all, "小"+string(runes[:1]), "老"+string(runes[:1]), "阿"+string(runes[1:]))
		all = append(all, pets(runes[1:])...)
	case han > 0 && len(runes) > 2 && (runes[0] == '阿' || runes[0] == '小'): // 阿Ken: Ken
		all = append(all, string(runes[1:]))
	case han == 0:
		words := strings.Fields(name)
		if len(words) > 1 && utf8.RuneCountInString(words[0]) > 1 && !isHonorific(words[0]) {
			all = append(all, words[0])
		}
		if len(words) == 1 {
			all = append(all, "阿"+name)
		}
	}
	if han > 1 && han == len(runes) {
		all = append(all, surnames(runes)...)
	}
	return all
}

// pets are the familiar forms of a given name's last character: 俊哥.
func pets(last []rune) []string {
	return []string{string(last) + "哥", string(last) + "姐", string(last) + "仔"}
}

// surnames are the polite forms: 何小姐, 林經理.
func surnames(runes []rune) []string {
	var all []string
	if len(runes) < 2 || runes[0] == '阿' || runes[0] == '小' {
		return nil
	}
	for _, title := range [...]string{"先生", "小姐", "太太", "经理", "老师", "主任", "博士"} {
		all = append(all, string(runes[:1])+title)
	}
	if runes[0] == '周' || runes[0] == '何' { // 一週總…, 任何工…
		return all
	}
	for _, title := range [...]string{"生", "太", "总", "工", "姐", "哥"} {
		all = append(all, string(runes[:1])+title)
	}
	return all
}

func isHonorific(word string) bool {
	switch strings.Trim(word, ".") {
	case "mr", "mrs", "ms", "miss", "dr", "prof", "professor", "sir", "phd", "grad", "postdoc", "student":
		return true
	}
	return false
}

// add registers one calling; the same words for somebody else make it ambiguous.
func (r *roster) add(fold *folder, name string, who int, title bool) {
	s := scanner{fold: fold, text: name}
	s.scan()
	if len(s.tokens) == 0 || len(s.tokens) == 1 && utf8.RuneCountInString(s.tokens[0].word) < 2 {
		return // one letter or character is in too many words
	}
	words := make([]string, 0, len(s.tokens))
	for _, t := range s.tokens {
		words = append(words, t.word)
	}
	if len(words) == 1 && (words[0] == "me" || words[0] == "id" || words[0] == "it") { // a role's initials, but a word
		return
	}
	same := r.first[words[0]]
	for i := range same {
		if sameWords(same[i].words, words) {
			if same[i].title && !title { // a name wins over a role
				same[i].who, same[i].title = []int{who}, false
			} else if same[i].title == title && !contains(same[i].who, who) {
				same[i].who = append(same[i].who, who)
			}
			return
		}
	}
	r.first[words[0]] = append(same, calling{words: words, who: []int{who}, title: title})
	if !title && len(words) == 1 && len(words[0]) > 1 && words[0][0] < utf8.RuneSelf {
		r.sounds = append(r.sounds, sounding{name: words[0], who: who})
	}
}

func sameWords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func contains(all []int, one int) bool {
	for _, x := range all {
		if x == one {
			return true
		}
	}
	return false
}

// at is the longest calling that begins at token i, or nil.
func (r *roster) at(tokens []token, i int) *calling {
	var best *calling
	same := r.first[tokens[i].word]
	for k := range same {
		c := &same[k]
		if best != nil && len(c.words) <= len(best.words) || i+len(c.words) > len(tokens) {
			continue
		}
		fits := true
		for j, word := range c.words {
			if tokens[i+j].word != word {
				fits = false
				break
			}
		}
		if fits {
			best = c
		}
	}
	return best
}

// heard is the one participant whose name sounds like word, or -1: none, or more than one.
func (r *roster) heard(word string) int {
	found := -1
	for _, s := range r.sounds {
		if soundsLike(s.name, word) {
			if found >= 0 && found != s.who {
				return -1
			}
			found = s.who
		}
	}
	return found
}
