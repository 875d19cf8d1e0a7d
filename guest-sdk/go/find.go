package guardhouse

import (
	"encoding/json"
	"strconv"
	"strings"
)

// find returns the value at pointer in the document of a unit test, like the host: as JSON text, or nil.
func find(document any, pointer string) *string {
	if document == nil {
		return nil
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	if pointer != "" {
		for _, step := range strings.Split(pointer[1:], "/") {
			if text = child(text, unescape(step)); text == nil {
				return nil
			}
		}
	}
	found := string(text)
	return &found
}

// child returns the member or element of a document that step names; nil if it does not exist.
func child(text json.RawMessage, step string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) == nil {
		return members[step]
	}
	var elements []json.RawMessage
	index, err := strconv.ParseUint(step, 10, 32)
	if err != nil || strconv.FormatUint(index, 10) != step || json.Unmarshal(text, &elements) != nil {
		return nil
	}
	if index >= uint64(len(elements)) {
		return nil
	}
	return elements[index]
}

// unescape reads one step of a JSON pointer (RFC 6901 section 4).
func unescape(step string) string {
	return strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
}
