// Package exact compares JSON with a Go type more strictly than package encoding/json does.
//
// encoding/json ignores the case of member names, ignores null, and rounds integers. A caller could send
// `{"amount": 5000, "Amount": 1}` or `{"amount": null}`, and the check would see another amount than the tool; and two
// users whose numbers are beyond 2^53 would be equal.
package exact

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Fits returns an error if text does not match the type that target points to in a way that encoding/json ignores: a
// member whose case differs from the field's, null for a type other than pointers and interfaces, or an integer that
// would be rounded.
func Fits(text []byte, target any) error {
	pointer := reflect.TypeOf(target)
	if pointer == nil || pointer.Kind() != reflect.Pointer {
		return &json.InvalidUnmarshalError{Type: pointer}
	}
	var valid json.RawMessage
	if err := json.Unmarshal(text, &valid); err != nil {
		return err
	}
	var document any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	return fits(document, pointer.Elem(), "")
}

var (
	readsJSON = reflect.TypeFor[json.Unmarshaler]()
	readsText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func fits(value any, kind reflect.Type, where string) error {
	if kind.Kind() == reflect.Pointer {
		if value == nil {
			return nil
		}
		return fits(value, kind.Elem(), where)
	}
	pointer := reflect.PointerTo(kind)
	if pointer.Implements(readsJSON) {
		return nil
	}
	if kind.Kind() == reflect.Interface {
		return isExact(value, where)
	}
	if value == nil {
		return fmt.Errorf("json: null at `%s` is not of type %s", where, kind)
	}
	if pointer.Implements(readsText) {
		return nil
	}
	switch value := value.(type) {
	case json.Number:
		if kind.Kind() == reflect.Float32 || kind.Kind() == reflect.Float64 {
			return isExact(value, where)
		}
	case map[string]any:
		return membersFit(value, kind, where)
	case []any:
		if kind.Kind() != reflect.Slice && kind.Kind() != reflect.Array {
			return nil
		}
		for index, element := range value {
			if err := fits(element, kind.Elem(), fmt.Sprintf("%s/%d", where, index)); err != nil {
				return err
			}
		}
	}
	return nil
}

// isExact returns an error if a float64 cannot distinguish an integer in value from its neighbors.
func isExact(value any, where string) error {
	switch value := value.(type) {
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return nil
		}
		if integer, err := strconv.ParseInt(value.String(), 10, 64); err != nil || integer > 1<<53 || integer < -1<<53 {
			return fmt.Errorf("json: the integer %s at `%s` is beyond 2^53 and would be rounded: read it into an int64", value, where)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if err := isExact(value[name], where+"/"+name); err != nil {
				return err
			}
		}
	case []any:
		for index, element := range value {
			if err := isExact(element, fmt.Sprintf("%s/%d", where, index)); err != nil {
				return err
			}
		}
	}
	return nil
}

func membersFit(members map[string]any, kind reflect.Type, where string) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		member, place := kind, where+"/"+name
		switch kind.Kind() {
		case reflect.Map:
			member = kind.Elem()
		case reflect.Struct:
			field, found := fieldOf(kind, name)
			if !found {
				continue
			}
			if field.name != name {
				return fmt.Errorf("json: `%s` must be `%s` in %s", place, field.name, kind)
			}
			member = field.kind
		default:
			return nil
		}
		if err := fits(members[name], member, place); err != nil {
			return err
		}
	}
	return nil
}

// field is a field of a struct, as encoding/json sees it.
type field struct {
	name string
	kind reflect.Type
}

// fieldOf returns the field that encoding/json uses for a member: one of its name, or else one that differs in case.
func fieldOf(kind reflect.Type, member string) (found field, ok bool) {
	for _, visible := range reflect.VisibleFields(kind) {
		tag, tagged := visible.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		if tag == "-" || visible.Anonymous && name == "" || !visible.IsExported() {
			continue
		}
		if !tagged || name == "" {
			name = visible.Name
		}
		if name == member {
			return field{name, visible.Type}, true
		}
		if !ok && strings.EqualFold(name, member) {
			found, ok = field{name, visible.Type}, true
		}
	}
	return found, ok
}
