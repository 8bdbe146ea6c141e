//! `${…}` in all its forms, and `$((…))`.

use shuck_ast::{
    ArithmeticAssignOp, ArithmeticBinaryOp, ArithmeticExpr, ArithmeticExprNode, ArithmeticLvalue,
    ArithmeticUnaryOp, BourneParameterExpansion, HeredocBodyPart, ParameterExpansionSyntax, ParameterOp,
    Pattern, PatternPart, Subscript, VarRef, WordPart, WordPartNode, ZshExpansionTarget,
};

use super::expand::{Piece, joined, spaced};
use super::machine::Machine;
use super::pattern;
use super::value::Value;
use crate::understand::{Taint, UNKNOWN};

/// The value that an expansion asks for with `${x…}`.
struct Asked<'w> {
    operator: Option<&'w ParameterOp>,
    operand: Option<&'w shuck_ast::Word>,
}

impl Machine<'_> {
    /// Any expansion but a plain variable and a substitution.
    pub(super) fn parameter_piece(&mut self, source: &str, part: &WordPartNode, quoted: bool) -> Piece {
        let value = match &part.kind {
            WordPart::ArithmeticExpansion { expression_ast, expression_word_ast, .. } => {
                self.arithmetic_text(source, expression_ast.as_deref(), expression_word_ast)
            }
            WordPart::Parameter(parameter) => match &parameter.syntax {
                ParameterExpansionSyntax::Bourne(bourne) => return self.bourne(source, bourne, quoted),
                ParameterExpansionSyntax::Zsh(zsh) => match &zsh.target {
                    ZshExpansionTarget::Reference(reference) => {
                        let value = self.reference(source, reference);
                        if zsh.modifiers.is_empty() && zsh.operation.is_none() {
                            value
                        } else {
                            Value::unknown(value.taint())
                        }
                    }
                    _ => Value::unknown(Taint::NONE),
                },
            },
            WordPart::ParameterExpansion { reference, operator, operand_word_ast, .. } => {
                let asked = Asked { operator: Some(operator), operand: operand_word_ast.as_deref() };
                return self.operation(source, reference, &asked, quoted);
            }
            WordPart::Length(reference) | WordPart::ArrayLength(reference) => self.length(source, reference),
            WordPart::ArrayAccess(reference) => return self.access(source, reference, quoted),
            WordPart::ArrayIndices(reference) => Value::unknown(self.reference(source, reference).taint()),
            WordPart::Substring {
                reference,
                offset_ast,
                length_ast,
                offset_word_ast,
                length_word_ast,
                ..
            }
            | WordPart::ArraySlice {
                reference,
                offset_ast,
                length_ast,
                offset_word_ast,
                length_word_ast,
                ..
            } => {
                self.look_into(source, Some(offset_word_ast));
                self.look_into(source, length_word_ast.as_deref());
                return self.slice(source, reference, offset_ast.as_deref(), length_ast.as_deref(), quoted);
            }
            WordPart::IndirectExpansion { reference, operand_word_ast, .. } => {
                self.look_into(source, operand_word_ast.as_deref());
                self.indirect(source, reference)
            }
            WordPart::PrefixMatch { .. } => Value::unknown(Taint::NONE),
            WordPart::Transformation { reference, operator } => {
                self.transformed(source, reference, *operator)
            }
            _ => Value::unknown(Taint::NONE),
        };
        if quoted { Piece::Quoted(value) } else { Piece::Split(value) }
    }

    fn bourne(&mut self, source: &str, syntax: &BourneParameterExpansion, quoted: bool) -> Piece {
        let value = match syntax {
            BourneParameterExpansion::Access { reference } => return self.access(source, reference, quoted),
            BourneParameterExpansion::Length { reference } => self.length(source, reference),
            BourneParameterExpansion::Indices { reference } => {
                Value::unknown(self.reference(source, reference).taint())
            }
            BourneParameterExpansion::Indirect { reference, operand_word_ast, .. } => {
                self.look_into(source, operand_word_ast.as_deref());
                self.indirect(source, reference)
            }
            BourneParameterExpansion::PrefixMatch { .. } => Value::unknown(Taint::NONE),
            BourneParameterExpansion::Slice {
                reference,
                offset_ast,
                length_ast,
                offset_word_ast,
                length_word_ast,
                ..
            } => {
                self.look_into(source, Some(offset_word_ast));
                self.look_into(source, length_word_ast.as_deref());
                return self.slice(source, reference, offset_ast.as_deref(), length_ast.as_deref(), quoted);
            }
            BourneParameterExpansion::Operation { reference, operator, operand_word_ast, .. } => {
                let asked = Asked { operator: Some(operator), operand: operand_word_ast.as_deref() };
                return self.operation(source, reference, &asked, quoted);
            }
            BourneParameterExpansion::Transformation { reference, operator } => {
                self.transformed(source, reference, *operator)
            }
        };
        if quoted { Piece::Quoted(value) } else { Piece::Split(value) }
    }

    /// Expands a word for what runs inside it.
    fn look_into(&mut self, source: &str, word: Option<&shuck_ast::Word>) {
        if let Some(word) = word {
            let _run = self.text(source, word);
        }
    }

    /// Expands a subscript for what runs inside it.
    pub(super) fn look_into_subscript(&mut self, source: &str, subscript: Option<&Subscript>) {
        self.look_into(source, subscript.and_then(Subscript::word_ast));
    }

    fn access(&mut self, source: &str, reference: &VarRef, quoted: bool) -> Piece {
        let name = reference.name.as_str();
        if let Some(selector) = reference.subscript.as_deref().and_then(Subscript::selector)
            && let Some(list) = self.list(name)
        {
            return match (quoted, selector.as_char()) {
                (true, '*') => Piece::Quoted(spaced(&list)),
                _ => Piece::Each(list),
            };
        }
        if reference.subscript.is_none() {
            return self.variable_piece(name, quoted);
        }
        let value = self.reference(source, reference);
        if quoted { Piece::Quoted(value) } else { Piece::Split(value) }
    }

    /// The elements of an array.
    fn list(&self, name: &str) -> Option<Vec<Value>> {
        self.state.variable(name)?.list.clone()
    }

    /// The value of `x` or `x[i]`.
    fn reference(&mut self, source: &str, reference: &VarRef) -> Value {
        let name = reference.name.as_str();
        let Some(subscript) = reference.subscript.as_deref() else { return self.variable(name) };
        self.look_into_subscript(source, Some(subscript));
        let Some(list) = self.list(name) else { return self.variable(name) };
        if subscript.is_array_selector() {
            return spaced(&list);
        }
        let index = subscript.arithmetic_ast.as_ref().and_then(|ast| self.arithmetic(source, ast));
        match index.and_then(|index| {
            let length = i64::try_from(list.len()).ok()?;
            usize::try_from(if index < 0 { length + index } else { index }).ok()
        }) {
            Some(index) => list.get(index).cloned().unwrap_or_else(|| Value::text("")),
            // An unknown index names any of them.
            None => Value::any(list.iter().flat_map(Value::options).cloned()),
        }
    }

    fn length(&mut self, source: &str, reference: &VarRef) -> Value {
        if reference.has_array_selector() {
            return match self.list(reference.name.as_str()) {
                Some(list) => Value::text(list.len().to_string()),
                None => Value::unknown(Taint::NONE),
            };
        }
        if matches!(reference.name.as_str(), "@" | "*") {
            return Value::text(self.arguments.len().to_string());
        }
        match self.reference(source, reference).single() {
            Some(word) if word.known() => Value::text(word.text.chars().count().to_string()),
            _ => Value::unknown(Taint::NONE),
        }
    }

    fn indirect(&mut self, source: &str, reference: &VarRef) -> Value {
        match self.reference(source, reference).single() {
            Some(name) if name.known() => {
                let name = name.text.clone();
                self.variable(&name)
            }
            _ => Value::unknown(Taint::NONE),
        }
    }

    fn slice(
        &mut self,
        source: &str,
        reference: &VarRef,
        offset: Option<&ArithmeticExprNode>,
        length: Option<&ArithmeticExprNode>,
        quoted: bool,
    ) -> Piece {
        let start = offset.and_then(|ast| self.arithmetic(source, ast));
        let count = match length {
            Some(ast) => self.arithmetic(source, ast).map(Some),
            None => Some(None),
        };
        let name = reference.name.as_str();
        let list = if matches!(name, "@" | "*") {
            // `${@:1}` begins with the first argument; `$0` is not one of them here.
            Some(self.arguments.clone())
        } else if reference.has_array_selector() {
            self.list(name)
        } else {
            None
        };
        if let Some(list) = list {
            let (Some(start), Some(count)) = (start, count) else { return Piece::Each(list) };
            let start = if matches!(name, "@" | "*") { start.saturating_sub(1) } else { start };
            let (from, to) = bounds(list.len(), start, count);
            return Piece::Each(list.get(from..to).unwrap_or_default().to_vec());
        }
        let value = self.reference(source, reference);
        let value = match (start, count) {
            (Some(start), Some(count)) if value.known() => value.map(|text| {
                let (from, to) = bounds(text.chars().count(), start, count);
                text.chars().skip(from).take(to.saturating_sub(from)).collect()
            }),
            _ => Value::unknown(value.taint()),
        };
        if quoted { Piece::Quoted(value) } else { Piece::Split(value) }
    }

    fn transformed(&mut self, source: &str, reference: &VarRef, operator: char) -> Value {
        let value = self.reference(source, reference);
        match operator {
            'U' => value.map(str::to_uppercase),
            'L' => value.map(str::to_lowercase),
            // The text is expanded as a prompt: what it substitutes is run.
            'P' => {
                for word in value.options() {
                    self.run_substitutions_of(&word.text);
                }
                value
            }
            'E' => value.map(super::texts::ansi_c),
            'Q' | 'K' | 'k' => value,
            _ => Value::unknown(value.taint()),
        }
    }

    fn operation(&mut self, source: &str, reference: &VarRef, asked: &Asked<'_>, quoted: bool) -> Piece {
        let name = reference.name.as_str().to_owned();
        let set = self.is_set(&name);
        let wrap = |value| if quoted { Piece::Quoted(value) } else { Piece::Split(value) };
        let Some(operator) = asked.operator else { return wrap(self.reference(source, reference)) };
        let operand = |machine: &mut Self| match asked.operand {
            // Within quotes, as in `"${x:-'$(date)'}"`, these are no quotes.
            Some(word) if quoted && word.parts.iter().any(is_single_quoted) => {
                let text = word.span.slice(source);
                machine.run_substitutions_of(text);
                if text.contains(['$', '`']) { Value::unknown(Taint::NONE) } else { Value::text(text) }
            }
            Some(word) => {
                let pieces = machine.pieces(source, &word.parts, quoted);
                joined(&pieces)
            }
            None => Value::text(""),
        };
        let value = match operator {
            ParameterOp::UseDefault | ParameterOp::AssignDefault => {
                let default = operand(self);
                let value = match set {
                    Some(true) => {
                        let value = self.reference(source, reference);
                        // Set, but perhaps to nothing.
                        if value.options().iter().any(|word| word.text.is_empty() || !word.known()) {
                            value.or(&default)
                        } else {
                            value
                        }
                    }
                    // The environment may say otherwise; nobody who wrote the script did.
                    Some(false) | None => default,
                };
                if matches!(operator, ParameterOp::AssignDefault) {
                    self.state.assign(&name, value.clone());
                }
                value
            }
            ParameterOp::UseReplacement => {
                let replacement = operand(self);
                match set {
                    Some(true) => replacement,
                    Some(false) | None => replacement.or(&Value::text("")),
                }
            }
            ParameterOp::Error => {
                let _message = operand(self);
                self.reference(source, reference)
            }
            ParameterOp::UpperAll => self.reference(source, reference).map(str::to_uppercase),
            ParameterOp::LowerAll => self.reference(source, reference).map(str::to_lowercase),
            ParameterOp::UpperFirst => {
                self.reference(source, reference).map(|text| first_letter(text, char::to_ascii_uppercase))
            }
            ParameterOp::LowerFirst => {
                self.reference(source, reference).map(|text| first_letter(text, char::to_ascii_lowercase))
            }
            ParameterOp::RemovePrefixShort { pattern } => {
                self.cut(source, reference, pattern, |text, p| pattern::without_prefix(text, p, false))
            }
            ParameterOp::RemovePrefixLong { pattern } => {
                self.cut(source, reference, pattern, |text, p| pattern::without_prefix(text, p, true))
            }
            ParameterOp::RemoveSuffixShort { pattern } => {
                self.cut(source, reference, pattern, |text, p| pattern::without_suffix(text, p, false))
            }
            ParameterOp::RemoveSuffixLong { pattern } => {
                self.cut(source, reference, pattern, |text, p| pattern::without_suffix(text, p, true))
            }
            ParameterOp::ReplaceFirst { pattern, replacement_word_ast, .. } => {
                let with = self.text(source, replacement_word_ast);
                self.replace(source, reference, pattern, &with, false)
            }
            ParameterOp::ReplaceAll { pattern, replacement_word_ast, .. } => {
                let with = self.text(source, replacement_word_ast);
                self.replace(source, reference, pattern, &with, true)
            }
        };
        wrap(value)
    }

    fn cut(
        &mut self,
        source: &str,
        reference: &VarRef,
        pattern: &Pattern,
        cut: impl Fn(&str, &str) -> String,
    ) -> Value {
        let value = self.reference(source, reference);
        let pattern = self.pattern_text(source, pattern);
        let short = value.options().iter().all(|word| word.text.len() <= pattern::LONGEST);
        match pattern.single() {
            Some(pattern) if pattern.known() && value.known() && short => {
                value.map(|text| cut(text, &pattern.text))
            }
            // `${file%.*}` of something unknown is as unknown, and as much inside the same folder.
            _ => partly(&value),
        }
    }

    fn replace(
        &mut self,
        source: &str,
        reference: &VarRef,
        pattern: &Pattern,
        with: &Value,
        all: bool,
    ) -> Value {
        let value = self.reference(source, reference);
        let pattern = self.pattern_text(source, pattern);
        let (Some(pattern), Some(with)) = (pattern.single(), with.single()) else {
            return Value::unknown(value.taint());
        };
        if !(pattern.known() && with.known() && value.known()) {
            return Value::unknown(value.taint());
        }
        let literal = !pattern.text.contains(['*', '?', '[', '\\', '#', '%']);
        if literal && !pattern.text.is_empty() {
            let count = if all { usize::MAX } else { 1 };
            return value.map(|text| text.replacen(&pattern.text, &with.text, count));
        }
        if value.options().iter().any(|word| word.text.len() > pattern::LONGEST / 8) {
            return Value::unknown(value.taint());
        }
        value.map(|text| pattern::replaced(text, &pattern.text, &with.text, all))
    }

    /// A pattern as a text, its own expansions made.
    pub(super) fn pattern_text(&mut self, source: &str, pattern: &Pattern) -> Value {
        let mut all = Value::text("");
        for part in &pattern.parts {
            let next = match &part.kind {
                PatternPart::Literal(literal) => Value::text(literal.as_str(source, part.span)),
                PatternPart::AnyString => Value::text("*"),
                PatternPart::AnyChar => Value::text("?"),
                PatternPart::CharClass(text) => Value::text(text.slice(source)),
                PatternPart::Word(word) => self.text(source, word),
                PatternPart::Group { patterns, .. } => {
                    for pattern in patterns {
                        let _run = self.pattern_text(source, pattern);
                    }
                    Value::text("*")
                }
            };
            all = all.then(&next);
        }
        all
    }

    /// A part of a here-document's body.
    pub(super) fn heredoc_part(&mut self, source: &str, part: &shuck_ast::HeredocBodyPartNode) -> Value {
        match &part.kind {
            HeredocBodyPart::Literal(literal) => {
                let text = literal.as_str(source, part.span);
                if matches!(literal, shuck_ast::LiteralText::Source) {
                    Value::text(super::expand::unescaped_in_quotes(text))
                } else {
                    Value::text(text)
                }
            }
            HeredocBodyPart::Variable(name) => match self.variable_piece(name.as_str(), true) {
                Piece::Each(values) => spaced(&values),
                piece => joined(&[piece]),
            },
            HeredocBodyPart::CommandSubstitution { body, syntax } => {
                self.command_substitution(source, body, *syntax, part.span)
            }
            HeredocBodyPart::ArithmeticExpansion { expression_ast, expression_word_ast, .. } => {
                self.arithmetic_text(source, expression_ast.as_deref(), expression_word_ast)
            }
            HeredocBodyPart::Parameter(parameter) => {
                let node = WordPartNode::new(WordPart::Parameter(parameter.clone()), part.span);
                let piece = self.parameter_piece(source, &node, true);
                joined(&[piece])
            }
        }
    }

    fn arithmetic_text(
        &mut self,
        source: &str,
        ast: Option<&ArithmeticExprNode>,
        word: &shuck_ast::Word,
    ) -> Value {
        self.look_into(source, Some(word));
        match ast.and_then(|ast| self.arithmetic(source, ast)) {
            Some(number) => Value::text(number.to_string()),
            None => Value::unknown(Taint::NONE),
        }
    }

    /// The number an expression is, where that can be told.
    pub(super) fn arithmetic(&mut self, source: &str, node: &ArithmeticExprNode) -> Option<i64> {
        if !self.step(1) {
            return None;
        }
        match &node.kind {
            ArithmeticExpr::Number(text) => number(text.slice(source)),
            ArithmeticExpr::Variable(name) => self.number_of(name.as_str()),
            ArithmeticExpr::Indexed { index, .. } => {
                let _run = self.arithmetic(source, index);
                None
            }
            ArithmeticExpr::ShellWord(word) => {
                let value = self.text(source, word);
                number(&value.single().filter(|word| word.known())?.text)
            }
            ArithmeticExpr::Parenthesized { expression } => self.arithmetic(source, expression),
            ArithmeticExpr::Unary { op, expr } => {
                let value = self.arithmetic(source, expr)?;
                Some(match op {
                    ArithmeticUnaryOp::Minus => value.checked_neg()?,
                    ArithmeticUnaryOp::Plus => value,
                    ArithmeticUnaryOp::LogicalNot => i64::from(value == 0),
                    ArithmeticUnaryOp::BitwiseNot => !value,
                    ArithmeticUnaryOp::PreIncrement => value.checked_add(1)?,
                    ArithmeticUnaryOp::PreDecrement => value.checked_sub(1)?,
                })
            }
            ArithmeticExpr::Postfix { expr, .. } => self.arithmetic(source, expr),
            ArithmeticExpr::Binary { left, op, right } => {
                let (left, right) = (self.arithmetic(source, left), self.arithmetic(source, right));
                binary(left?, *op, right?)
            }
            ArithmeticExpr::Conditional { condition, then_expr, else_expr } => {
                let condition = self.arithmetic(source, condition);
                let (then, other) = (self.arithmetic(source, then_expr), self.arithmetic(source, else_expr));
                if condition? == 0 { other } else { then }
            }
            ArithmeticExpr::Assignment { target, op, value } => {
                let value = self.arithmetic(source, value);
                let name = match target {
                    ArithmeticLvalue::Variable(name) => name,
                    ArithmeticLvalue::Indexed { index, .. } => {
                        let _run = self.arithmetic(source, index);
                        return None;
                    }
                };
                let value = if *op == ArithmeticAssignOp::Assign { value } else { None };
                let text = value
                    .map_or_else(|| Value::unknown(Taint::NONE), |number| Value::text(number.to_string()));
                self.state.assign(name.as_str(), text);
                value
            }
        }
    }

    fn number_of(&mut self, name: &str) -> Option<i64> {
        let value = self.variable(name);
        let word = value.single().filter(|word| word.known())?;
        if word.text.is_empty() { Some(0) } else { number(&word.text) }
    }
}

/// What is left of an unknown text when something is cut off it: still inside the same known folder.
fn partly(value: &Value) -> Value {
    let taint = value.taint();
    Value::any(value.options().iter().map(|word| {
        let known = word.text.split(UNKNOWN).next().unwrap_or_default();
        let folder = known.rfind('/').and_then(|at| known.get(..=at)).unwrap_or_default();
        crate::understand::Word { text: format!("{folder}{UNKNOWN}"), wild: false, taint }
    }))
}

/// `'…'`, but not `$'…'`.
const fn is_single_quoted(part: &WordPartNode) -> bool {
    matches!(part.kind, WordPart::SingleQuoted { dollar: false, .. })
}

/// A part of a text or list: from `start`, negative from the end, so many or up to the negative count from the end.
fn bounds(length: usize, start: i64, count: Option<i64>) -> (usize, usize) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let clamp = |at: i64| at.clamp(0, length);
    let from = clamp(if start < 0 { length.saturating_add(start) } else { start });
    let to = match count {
        None => length,
        Some(count) if count < 0 => clamp(length.saturating_add(count)),
        Some(count) => clamp(from.saturating_add(count)),
    };
    let size = |at: i64| usize::try_from(at).unwrap_or(0);
    (size(from), size(to.max(from)))
}

fn first_letter(text: &str, change: impl Fn(&char) -> char) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| change(&first)).into_iter().chain(chars).collect()
}

/// A number as the shell reads it: decimal, octal, hexadecimal, `base#digits`.
fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some((base, digits)) = text.split_once('#') {
        return i64::from_str_radix(digits, base.parse().ok().filter(|base| (2..=36).contains(base))?).ok();
    }
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

fn binary(left: i64, op: ArithmeticBinaryOp, right: i64) -> Option<i64> {
    let shift = || u32::try_from(right).ok().filter(|shift| *shift < 64);
    Some(match op {
        ArithmeticBinaryOp::Comma => right,
        ArithmeticBinaryOp::Power => left.checked_pow(u32::try_from(right).ok()?)?,
        ArithmeticBinaryOp::Multiply => left.checked_mul(right)?,
        ArithmeticBinaryOp::Divide => left.checked_div(right)?,
        ArithmeticBinaryOp::Modulo => left.checked_rem(right)?,
        ArithmeticBinaryOp::Add => left.checked_add(right)?,
        ArithmeticBinaryOp::Subtract => left.checked_sub(right)?,
        ArithmeticBinaryOp::ShiftLeft => left.checked_shl(shift()?)?,
        ArithmeticBinaryOp::ShiftRight => left.checked_shr(shift()?)?,
        ArithmeticBinaryOp::LessThan => i64::from(left < right),
        ArithmeticBinaryOp::LessThanOrEqual => i64::from(left <= right),
        ArithmeticBinaryOp::GreaterThan => i64::from(left > right),
        ArithmeticBinaryOp::GreaterThanOrEqual => i64::from(left >= right),
        ArithmeticBinaryOp::Equal => i64::from(left == right),
        ArithmeticBinaryOp::NotEqual => i64::from(left != right),
        ArithmeticBinaryOp::BitwiseAnd => left & right,
        ArithmeticBinaryOp::BitwiseXor => left ^ right,
        ArithmeticBinaryOp::BitwiseOr => left | right,
        ArithmeticBinaryOp::LogicalAnd => i64::from(left != 0 && right != 0),
        ArithmeticBinaryOp::LogicalOr => i64::from(left != 0 || right != 0),
    })
}
