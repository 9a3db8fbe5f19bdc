package minutes

import "strings"

// SoundsLike reports whether a Latin word may be a name, heard wrongly: it begins with the same sound,
// is about as long, and its sound and at least half of its letters are those of the name.
func SoundsLike(name, heard string) bool {
	const longer = 2 // letters that one may have more than the other
	if len(name) > len(heard)+longer || len(heard) > len(name)+longer || !soundsLike(name, heard) {
		return false
	}
	if soundKey(name)[0] != soundKey(heard)[0] { // neither is empty: they sound alike
		return false
	}
	return 2*distance(strings.ToLower(name), strings.ToLower(heard)) <= max(len(name), len(heard))
}
