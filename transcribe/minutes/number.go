package minutes

import "strconv"

// englishUnits, englishTens and englishOrdinals give the value of a number word; 0 where it is none.
func englishUnit(word string) int {
	switch word {
	case "one":
		return 1
	case "two":
		return 2
	case "three":
		return 3
	case "four":
		return 4
	case "five":
		return 5
	case "six":
		return 6
	case "seven":
		return 7
	case "eight":
		return 8
	case "nine":
		return 9
	}
	return 0
}

func englishTeen(word string) int {
	for i, name := range [...]string{"ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"} {
		if word == name {
			return 10 + i
		}
	}
	return 0
}

func englishTen(word string) int {
	for i, name := range [...]string{"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"} {
		if word == name {
			return 20 + 10*i
		}
	}
	return 0
}

// englishOrdinal knows first to thirtieth as single words.
func englishOrdinal(word string) int {
	for i, name := range [...]string{
		"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
		"eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
		"eighteenth", "nineteenth", "twentieth",
	} {
		if word == name {
			return i + 1
		}
	}
	if word == "thirtieth" {
		return 30
	}
	return 0
}

// digits reads a whole number of at most four digits.
func digits(word string) (int, bool) {
	if len(word) == 0 || len(word) > 4 || word[0] < '0' || word[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(word)
	return n, err == nil && n >= 0
}

// chineseDigit is the value of one numeral; -1 where it is none.
func chineseDigit(word string) int {
	switch word {
	case "零", "〇":
		return 0
	case "一":
		return 1
	case "二", "两":
		return 2
	case "三":
		return 3
	case "四":
		return 4
	case "五":
		return 5
	case "六":
		return 6
	case "七":
		return 7
	case "八":
		return 8
	case "九":
		return 9
	}
	return -1
}

// cardinal reads a number in words or digits at i: English up to 99, Chinese up to 999. It returns
// how many tokens it took, 0 where there is none.
func cardinal(tokens []token, i int) (value, width int) {
	if i >= len(tokens) {
		return 0, 0
	}
	word := tokens[i].word
	if n, ok := digits(word); ok {
		return n, 1
	}
	if n := englishTen(word); n > 0 {
		if i+1 < len(tokens) {
			if unit := englishUnit(tokens[i+1].word); unit > 0 {
				return n + unit, 2
			}
		}
		return n, 1
	}
	if n := englishUnit(word) + englishTeen(word); n > 0 {
		return n, 1
	}
	return chineseNumber(tokens, i)
}

// chineseNumber reads 一, 十, 十五, 二十三, 廿三, 卅, 一百二十 and digit rows such as 二零二六.
func chineseNumber(tokens []token, i int) (value, width int) {
	total, digit, row, at := 0, -1, 0, i
scan:
	for ; at < len(tokens); at++ {
		word := tokens[at].word
		scale := 0
		switch word {
		case "百":
			scale = 100
		case "十":
			scale = 10
		case "廿":
			total, digit = total+20, -1
			continue
		case "卅":
			total, digit = total+30, -1
			continue
		default:
			d := chineseDigit(word)
			if d < 0 {
				break scan
			}
			if row == 3 {
				return 0, 0
			}
			if digit >= 0 {
				row++
				digit = digit*10 + d
			} else {
				digit = d
			}
			continue
		}
		if row > 0 {
			break scan
		}
		if digit < 0 {
			digit = 1
		}
		total, digit = total+digit*scale, -1
	}
	if digit > 0 {
		total += digit
	}
	if total > 9999 {
		return 0, 0
	}
	return total, at - i
}

// ordinal reads "fourteenth", "twenty first", "21st" at i.
func ordinal(tokens []token, i int) (value, width int) {
	if i >= len(tokens) {
		return 0, 0
	}
	word := tokens[i].word
	if n := englishOrdinal(word); n > 0 {
		return n, 1
	}
	if ten := englishTen(word); ten > 0 && i+1 < len(tokens) {
		if unit := englishOrdinal(tokens[i+1].word); unit > 0 && unit < 10 {
			return ten + unit, 2
		}
	}
	if len(word) > 2 {
		switch word[len(word)-2:] {
		case "st", "nd", "rd", "th":
			if n, ok := digits(word[:len(word)-2]); ok {
				return n, 1
			}
		}
	}
	return 0, 0
}
