package sherpa

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
)

// The library cleans every token of invalid UTF-8 by itself, and so loses each character that spans
// two tokens, as many Chinese ones do (seen in 1.13.4 and 1.13.8). It is given a table in which each
// byte of a token is written as one character, the way GPT-2's own vocabulary file does; what comes
// back is turned into bytes again, and only then joined.

// byteRunes is the character that stands for each byte: itself where it is printable in Latin-1,
// else one from 256 on, in order.
func byteRunes() (runes [256]rune) {
	next := rune(256)
	for b := range runes {
		printable := b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE
		if printable {
			runes[b] = rune(b)
		} else {
			runes[b] = next
			next++
		}
	}
	return runes
}

// recodeTokens turns a Whisper tokens file (a line each: the token's bytes in base64, a space, its
// number) into one whose tokens are all valid UTF-8.
func recodeTokens(table []byte) ([]byte, error) {
	runes := byteRunes()
	var out bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(table))
	for n := 1; lines.Scan(); n++ {
		text, number, ok := bytes.Cut(lines.Bytes(), []byte(" "))
		if _, err := strconv.Atoi(string(number)); err != nil || !ok {
			return nil, fmt.Errorf("tokens line %d is not a token and its number", n)
		}
		if len(bytes.Trim(text, "=")) == 0 { // a token that stands for nothing
			out.Write(lines.Bytes())
			out.WriteByte('\n')
			continue
		}
		token, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return nil, fmt.Errorf("tokens line %d is not base64: %w", n, err)
		}
		var recoded []rune
		for _, b := range token {
			recoded = append(recoded, runes[b])
		}
		out.WriteString(base64.StdEncoding.EncodeToString([]byte(string(recoded))))
		out.WriteByte(' ')
		out.Write(number)
		out.WriteByte('\n')
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	if out.Len() == 0 {
		return nil, errors.New("the tokens file is empty")
	}
	return out.Bytes(), nil
}

// tokenBytes gives the bytes that a token of the re-coded table stands for. Characters that stand
// for no byte are left out.
type tokenBytes map[rune]byte

func newTokenBytes() tokenBytes {
	back := make(tokenBytes, 256)
	for b, r := range byteRunes() {
		back[r] = byte(b)
	}
	return back
}

func (t tokenBytes) decode(token string) []byte {
	var out []byte
	for _, r := range token {
		if b, ok := t[r]; ok {
			out = append(out, b)
		}
	}
	return out
}
