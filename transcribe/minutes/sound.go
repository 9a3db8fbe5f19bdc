package minutes

import "strings"

// soundKey reduces a Latin word to how it sounds to a recognizer: consonants by place of articulation,
// vowels dropped except a leading one. It follows the idea of Metaphone (Philips, 1990), coarser on
// purpose: names come out of a recognizer with their consonants in place and their vowels guessed.
func soundKey(word string) string {
	word = strings.ToLower(word)
	var b strings.Builder
	last := byte(0)
	for i := 0; i < len(word); i++ {
		code := soundCode(word, i)
		if code == 0 || code == last {
			if code == 0 {
				last = 0
			}
			continue
		}
		b.WriteByte(code)
		last = code
	}
	return b.String()
}

// soundCode is the class of the letter at i; 0 for one that is not heard.
func soundCode(word string, i int) byte {
	next := byte(0)
	if i+1 < len(word) {
		next = word[i+1]
	}
	switch c := word[i]; c {
	case 'a', 'e', 'i', 'o', 'u', 'y':
		if i == 0 {
			if c == 'y' {
				return 'Y'
			}
			return 'A'
		}
		return 0
	case 'h':
		if i == 0 {
			return 'H'
		}
		return 0
	case 'w':
		if i == 0 || strings.IndexByte("aeiou", next) >= 0 {
			return 'W'
		}
		return 0
	case 'b', 'p':
		if c == 'p' && next == 'h' {
			return 'F'
		}
		return 'P'
	case 'd', 't':
		if c == 't' && next == 'h' {
			return 'T'
		}
		return 'T'
	case 'f', 'v':
		return 'F'
	case 'g', 'k', 'q':
		if c == 'g' && (next == 'h' || next == 'n' && i+2 == len(word)) {
			return 0
		}
		if c == 'k' && i == 0 && next == 'n' {
			return 0
		}
		if c == 'g' && (next == 'e' || next == 'i') && i > 0 {
			return 'J'
		}
		return 'K'
	case 'c':
		switch next {
		case 'h':
			return 'J'
		case 'e', 'i', 'y':
			return 'S'
		}
		return 'K'
	case 'j':
		return 'J'
	case 's', 'z', 'x':
		if c == 's' && next == 'h' {
			return 'J'
		}
		if c == 'x' && i > 0 {
			return 'K'
		}
		return 'S'
	case 'l':
		return 'L'
	case 'm':
		return 'M'
	case 'n':
		return 'N'
	case 'r':
		return 'R'
	}
	return 0
}

// distance counts the edits between two short strings (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// soundsLike compares a name with words heard in its place. Both the sound and the letters must be
// near: a name of one or two consonants must match them all.
func soundsLike(name, heard string) bool {
	a, b := soundKey(name), soundKey(heard)
	if a == "" || b == "" {
		return false
	}
	letters := distance(strings.ToLower(name), strings.ToLower(heard))
	longer := max(len(name), len(heard))
	switch sound := distance(a, b); {
	case sound == 0:
		return letters*4 <= longer*3 // half of short names are vowels
	case sound == 1 && len(a) >= 3:
		return letters*2 <= longer
	case sound == 2 && len(a) >= 4:
		return letters*5 <= longer*2
	}
	return false
}
