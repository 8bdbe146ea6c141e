//! Statements: sequences, pipelines, branches, loops, functions.

use std::rc::Rc;

use shuck_ast::{
    AnonymousFunctionCommand, ArithmeticExprNode, BinaryOp, BuiltinCommand, CaseCommand, Command,
    CompoundCommand, ConditionalExpr, ForCommand, FunctionDef, IfCommand, Span, Stmt, StmtSeq,
    StmtTerminator,
};

use super::machine::Machine;
use super::pattern;
use super::state::{Call, Changes, Function, Item, Key, Variable};
use super::streams::{Input, Line};
use super::value::{Out, Value};
use crate::understand::{Origin, Taint, readable};

/// How often the body of a loop is run at most.
const TURNS: usize = 8;
/// How often the bodies of nested loops are run together.
const TURNS_IN_ALL: usize = 32;

/// How often a function is followed into itself with other arguments.
const AGAIN: usize = 3;

/// Steps for the call of a function: its arguments, its branches and what it changes are kept apart.
const CALL: u32 = 24;

impl Machine<'_> {
    /// Runs one statement after the other.
    pub(super) fn sequence(&mut self, source: &str, sequence: &StmtSeq, out: &mut Out) {
        for statement in sequence.iter() {
            if !self.step(1) {
                return;
            }
            self.statement(source, statement, out);
        }
    }

    /// Runs a statement.
    pub(super) fn statement(&mut self, source: &str, statement: &Stmt, out: &mut Out) {
        if let Some(StmtTerminator::Background(_)) = statement.terminator {
            let beside = std::mem::replace(&mut self.beside, true);
            self.subshell(|machine| machine.foreground(source, statement, out));
            self.beside = beside;
        } else {
            self.foreground(source, statement, out);
        }
    }

    fn foreground(&mut self, source: &str, statement: &Stmt, out: &mut Out) {
        match &statement.command {
            Command::Simple(simple) => self.simple(source, simple, &statement.redirects, out),
            Command::Binary(binary) => {
                // `a | b > f` belongs to b, but `{ a | b; } > f` is a group: nothing is redirected here.
                match binary.op {
                    BinaryOp::Pipe | BinaryOp::PipeAll => {
                        let mut stages = Vec::new();
                        flatten(statement, &mut stages);
                        self.pipeline(source, &stages, out);
                    }
                    BinaryOp::And => self.chain(source, statement, out),
                    BinaryOp::Or => self.chain(source, statement, out),
                }
            }
            command => self.redirected(source, &statement.redirects, out, |machine, out| {
                machine.deeper(|machine| machine.compound(source, command, out));
            }),
        }
    }

    /// `a && b || c`, from the left. Long chains lean to the left, so they are walked, not descended.
    fn chain(&mut self, source: &str, statement: &Stmt, out: &mut Out) {
        let mut links = Vec::new();
        let mut first = statement;
        while let Command::Binary(binary) = &first.command
            && matches!(binary.op, BinaryOp::And | BinaryOp::Or)
        {
            links.push((binary.op, binary.right.as_ref()));
            first = binary.left.as_ref();
        }
        let outer = self.after.clone();
        let (mut left, mut number) = (first, self.seen.commands.len());
        self.statement(source, first, out);
        for (op, right) in links.into_iter().rev() {
            if !self.step(1) {
                break;
            }
            if op != BinaryOp::And {
                // What comes after it may run though something before failed.
                self.after.clone_from(&outer);
                left = statement;
            } else if matches!(left.command, Command::Simple(_)) && !left.negated {
                self.after.push(number);
            }
            if !std::ptr::eq(left, statement) {
                (left, number) = (right, self.seen.commands.len());
            }
            if op == BinaryOp::And {
                self.statement(source, right, out);
            } else {
                // Either the left side failed and this runs, or it does not.
                let mark = self.state.mark();
                self.statement(source, right, out);
                let changes = self.state.undo(mark);
                self.state.join(vec![changes, Changes::new()]);
            }
        }
        self.after = outer;
    }

    fn pipeline(&mut self, source: &str, stages: &[&Stmt], out: &mut Out) {
        let beside = std::mem::replace(&mut self.beside, true);
        let outer = self.input.clone();
        let mut texts = Vec::new();
        let last = stages.len().saturating_sub(1);
        let mut passed: Option<Value> = None;
        for (at, stage) in stages.iter().enumerate() {
            if !self.step(1) {
                break;
            }
            let input = passed.take().map_or_else(|| outer.clone(), Input::of);
            let before = self.seen.commands.len();
            if at == last {
                self.with_input(input, |machine| machine.statement(source, stage, out));
            } else {
                let mut next = Out::wanted();
                self.with_input(input, |machine| {
                    machine.subshell(|machine| machine.statement(source, stage, &mut next));
                });
                passed = Some(next.into_value());
            }
            texts.push(self.stage_texts(before));
        }
        self.beside = beside;
        self.pipeline_texts(&texts);
    }

    /// A stage of a pipeline as text: its first command as it is written, and without what it is wrapped in.
    fn stage_texts(&self, from: usize) -> Option<(String, String)> {
        let commands = self.seen.commands.get(from..)?;
        let first = commands.first()?;
        let mut inner = first;
        for next in commands.iter().skip(1) {
            if next.fact.wrappers.len() != inner.fact.wrappers.len() + 1 {
                break;
            }
            inner = next;
        }
        Some((readable(&first.argv), readable(&inner.argv)))
    }

    fn pipeline_texts(&mut self, texts: &[Option<(String, String)>]) {
        let known: Vec<&(String, String)> = texts.iter().flatten().collect();
        if known.len() < 2 {
            return;
        }
        let outer = known.iter().map(|text| text.0.as_str()).collect::<Vec<_>>().join(" | ");
        let inner = known.iter().map(|text| text.1.as_str()).collect::<Vec<_>>().join(" | ");
        for text in [outer, inner] {
            if !self.seen.pipelines.contains(&text) {
                self.seen.pipelines.push(text);
            }
        }
    }

    fn compound(&mut self, source: &str, command: &Command, out: &mut Out) {
        match command {
            Command::Simple(_) | Command::Binary(_) => {}
            Command::Builtin(builtin) => self.jump(source, builtin),
            Command::Decl(declaration) => self.declare(source, declaration, out),
            Command::Compound(compound) => self.block(source, compound, out),
            Command::Function(function) => self.define(function),
            Command::AnonymousFunction(AnonymousFunctionCommand { body, args, .. }) => {
                let words: Vec<&shuck_ast::Word> = args.iter().collect();
                let arguments = self.argv(source, &words).into_iter().next().unwrap_or_default();
                let outer =
                    std::mem::replace(&mut self.arguments, arguments.into_iter().map(Value::one).collect());
                self.statement(source, body, out);
                self.arguments = outer;
            }
        }
    }

    /// `exit`, `return`, `break`, `continue`: what follows is looked at all the same.
    fn jump(&mut self, source: &str, builtin: &BuiltinCommand) {
        let (word, more) = match builtin {
            BuiltinCommand::Break(command) => (&command.depth, &command.extra_args),
            BuiltinCommand::Continue(command) => (&command.depth, &command.extra_args),
            BuiltinCommand::Return(command) => (&command.code, &command.extra_args),
            BuiltinCommand::Exit(command) => (&command.code, &command.extra_args),
        };
        for word in word.iter().chain(more) {
            let _run = self.text(source, word);
        }
    }

    fn block(&mut self, source: &str, compound: &CompoundCommand, out: &mut Out) {
        match compound {
            CompoundCommand::If(command) => self.branch(source, command, out),
            CompoundCommand::For(command) => self.for_each(source, command, out),
            CompoundCommand::Foreach(command) => {
                let words: Vec<&shuck_ast::Word> = command.words.iter().collect();
                let words = self.argv(source, &words);
                self.turns(source, command.variable.as_str(), words, &command.body, out);
            }
            CompoundCommand::Select(command) => {
                let words: Vec<&shuck_ast::Word> = command.words.iter().collect();
                let words = self.argv(source, &words);
                self.turns(source, command.variable.as_str(), words, &command.body, out);
            }
            CompoundCommand::Repeat(command) => {
                let _count = self.text(source, &command.count);
                self.sequence(source, &command.body, out);
            }
            CompoundCommand::ArithmeticFor(command) => {
                for (ast, span) in [
                    (&command.init_ast, command.init_span),
                    (&command.condition_ast, command.condition_span),
                    (&command.step_ast, command.step_span),
                ] {
                    self.calculation(source, ast.as_ref(), span);
                }
                if command.condition_span.is_none() {
                    self.endless(source, &command.body);
                }
                self.forget_arithmetic(command);
                self.once_or_not(source, &command.body, out);
            }
            CompoundCommand::While(command) => {
                self.repeat(source, &command.condition, &command.body, true, out);
            }
            CompoundCommand::Until(command) => {
                self.repeat(source, &command.condition, &command.body, false, out);
            }
            CompoundCommand::Case(command) => self.case(source, command, out),
            CompoundCommand::Subshell(body) => self.subshell(|machine| machine.sequence(source, body, out)),
            CompoundCommand::BraceGroup(body) => self.sequence(source, body, out),
            CompoundCommand::Arithmetic(command) => {
                self.calculation(source, command.expr_ast.as_ref(), command.expr_span);
            }
            CompoundCommand::Time(command) => {
                if let Some(inner) = &command.command {
                    self.statement(source, inner, out);
                }
            }
            CompoundCommand::Conditional(command) => {
                let before = self.seen.commands.len();
                self.conditional(source, &command.expression);
                // A substitution in it runs something: where nothing was seen, the parser has lost it, or it stands in a
                // name that the shell expands once more (`-v 'a[$(x)]'`).
                if self.seen.commands.len() == before && command.span.slice(source).contains("$(") {
                    self.seen.give_up("a substitution inside of `[[ ]]` cannot be read");
                }
            }
            CompoundCommand::Coproc(command) => {
                let beside = std::mem::replace(&mut self.beside, true);
                let mut inner = Out::wanted();
                self.subshell(|machine| machine.statement(source, &command.body, &mut inner));
                self.beside = beside;
                let list = vec![Value::text("10"), Value::text("11")];
                let variable = Variable { value: Value::text("10"), list: Some(list), exported: false };
                self.state.set(Key::Variable(command.name.as_str().to_owned()), Item::Variable(variable));
                let text = super::state::Descriptor::Text(inner.into_value());
                self.state.set(Key::Descriptor(10), Item::Descriptor(text));
            }
            CompoundCommand::Always(command) => {
                self.sequence(source, &command.body, out);
                self.sequence(source, &command.always_body, out);
            }
        }
    }

    /// `((…))`. Where the parser does not understand an expression it may still substitute something.
    fn calculation(&mut self, source: &str, ast: Option<&ArithmeticExprNode>, span: Option<Span>) {
        match (ast, span) {
            (Some(ast), _) => {
                let _run = self.arithmetic(source, ast);
            }
            (None, Some(span)) => self.run_substitutions_of(span.slice(source)),
            (None, None) => {}
        }
    }

    fn forget_arithmetic(&mut self, command: &shuck_ast::ArithmeticForCommand) {
        // The counter runs through values that are not followed.
        if let Some(ast) = &command.init_ast
            && let shuck_ast::ArithmeticExpr::Assignment {
                target: shuck_ast::ArithmeticLvalue::Variable(name),
                ..
            } = &ast.kind
        {
            self.state.assign(name.as_str(), Value::unknown(Taint::NONE));
        }
    }

    fn branch(&mut self, source: &str, command: &IfCommand, out: &mut Out) {
        self.sequence(source, &command.condition, out);
        let mut branches = Vec::new();
        branches.push(self.attempt(source, &command.then_branch, out));
        for (condition, body) in &command.elif_branches {
            self.sequence(source, condition, out);
            branches.push(self.attempt(source, body, out));
        }
        match &command.else_branch {
            Some(body) => branches.push(self.attempt(source, body, out)),
            None => branches.push(Changes::new()),
        }
        self.state.join(branches);
    }

    /// Runs what may or may not be run, and takes it back.
    fn attempt(&mut self, source: &str, body: &StmtSeq, out: &mut Out) -> Changes {
        let mark = self.state.mark();
        self.sequence(source, body, out);
        self.state.undo(mark)
    }

    fn once_or_not(&mut self, source: &str, body: &StmtSeq, out: &mut Out) {
        let changes = self.attempt(source, body, out);
        self.state.join(vec![changes, Changes::new()]);
    }

    fn for_each(&mut self, source: &str, command: &ForCommand, out: &mut Out) {
        let words = match &command.words {
            Some(words) => {
                let words: Vec<&shuck_ast::Word> = words.iter().collect();
                self.argv(source, &words)
            }
            None => vec![self.arguments.iter().map(Value::first).collect()],
        };
        let Some(name) = command.targets.first().and_then(|target| target.name.clone()) else {
            return self.sequence(source, &command.body, out);
        };
        self.turns(source, name.as_str(), words, &command.body, out);
    }

    /// Runs a body for each of the words that a variable takes.
    fn turns(
        &mut self,
        source: &str,
        name: &str,
        ways: Vec<Vec<crate::understand::Word>>,
        body: &StmtSeq,
        out: &mut Out,
    ) {
        let words: Vec<crate::understand::Word> =
            ways.into_iter().flatten().map(crate::understand::Word::matched).collect();
        if words.is_empty() {
            return;
        }
        let unrolled = self.unrolled;
        if words.len() <= TURNS && unrolled * words.len() <= TURNS_IN_ALL {
            self.unrolled *= words.len();
            for word in words {
                self.state.assign(name, Value::one(word));
                self.sequence(source, body, out);
            }
            self.unrolled = unrolled;
        } else {
            // Too many to run one by one: those that differ in what matters are in the value all the same.
            self.state.assign(name, Value::any(words));
            self.sequence(source, body, out);
        }
    }

    fn repeat(&mut self, source: &str, condition: &StmtSeq, body: &StmtSeq, wanted: bool, out: &mut Out) {
        if is_constant(source, condition, wanted) {
            self.endless(source, body);
        }
        // `while read line` over a known text takes it line by line.
        let turns = if self.input.is_text() && self.unrolled * TURNS <= TURNS_IN_ALL { TURNS } else { 1 };
        let unrolled = self.unrolled;
        self.unrolled *= turns;
        let mut ended = false;
        for _ in 0..turns {
            self.ended = false;
            self.sequence(source, condition, out);
            if std::mem::take(&mut self.ended) {
                ended = true;
                break;
            }
            if turns == 1 {
                self.once_or_not(source, body, out);
            } else {
                self.sequence(source, body, out);
                if !self.input.is_text() {
                    break;
                }
            }
        }
        if !ended && turns > 1 && self.input.line() != Line::End {
            // More lines than are followed: any text.
            self.with_input(Input::of(Value::unknown(Taint::NONE)), |machine| {
                machine.sequence(source, condition, out);
                machine.once_or_not(source, body, out);
            });
        }
        self.unrolled = unrolled;
    }

    /// A loop without end that starts processes and waits for none of them.
    fn endless(&mut self, source: &str, body: &StmtSeq) {
        let background =
            |statement: &Stmt| matches!(statement.terminator, Some(StmtTerminator::Background(_)));
        let text = |statement: &Stmt| statement.span.slice(source).trim().trim_end_matches(';').trim_end();
        // Also in a subshell or a branch.
        let starts = |statement: &Stmt| {
            background(statement)
                || text(statement).split_once('&').is_some_and(|(before, after)| {
                    !before.ends_with(['>', '<', '&']) && !after.starts_with(['&', '>'])
                })
        };
        let Some(last) = body.iter().rposition(starts) else { return };
        let begins = |statement: &Stmt, words: &[&str]| {
            !background(statement)
                && words.iter().any(|word| text(statement).split_whitespace().next() == Some(word))
        };
        // What slows it down may stand anywhere; what waits for all of them only after them.
        let slow = body.iter().any(|statement| begins(statement, &["sleep", "read"]));
        let waits = body.iter().skip(last + 1).any(|statement| begins(statement, &["wait"]));
        let whole = body.span.slice(source);
        let ends = whole.contains("break") && !whole.contains("if false");
        let waits = waits && !body.iter().nth(last).is_some_and(|statement| text(statement).starts_with('('));
        if !(slow || waits || ends) {
            self.effect("filesystem.fork-bomb", "a loop that starts processes without end", Origin::Call);
        }
    }

    fn case(&mut self, source: &str, command: &CaseCommand, out: &mut Out) {
        let value = self.text(source, &command.word);
        let known = value.known();
        let mut branches = Vec::new();
        let mut sure = false;
        for item in &command.cases {
            let mut hit = !known;
            for pattern in &item.patterns {
                let pattern = self.pattern_text(source, pattern);
                hit |= !pattern.known()
                    || value.options().iter().any(|word| {
                        pattern.options().iter().any(|pattern| {
                            let (pattern, word): (Vec<char>, Vec<char>) =
                                (pattern.text.chars().collect(), word.text.chars().collect());
                            word.len() > pattern::LONGEST || pattern::matches(&pattern, &word)
                        })
                    });
                sure |= pattern.single().is_some_and(|pattern| pattern.text == "*");
            }
            if hit {
                branches.push(self.attempt(source, &item.body, out));
            }
        }
        if !sure {
            branches.push(Changes::new());
        }
        self.state.join(branches);
    }

    /// `[[ … ]]`: what is substituted in it runs.
    fn conditional(&mut self, source: &str, expression: &ConditionalExpr) {
        let mut open = vec![expression];
        while let Some(expression) = open.pop() {
            match expression {
                ConditionalExpr::Binary(binary) => open.extend([binary.right.as_ref(), binary.left.as_ref()]),
                ConditionalExpr::Unary(unary) => open.push(&unary.expr),
                ConditionalExpr::Parenthesized(inner) => open.push(&inner.expr),
                ConditionalExpr::Word(word) | ConditionalExpr::Regex(word) => {
                    let _run = self.text(source, word);
                }
                ConditionalExpr::Pattern(pattern) => {
                    let _run = self.pattern_text(source, pattern);
                }
                ConditionalExpr::VarRef(_) => {}
            }
        }
    }

    fn define(&mut self, function: &FunctionDef) {
        for name in function.static_names() {
            let name = name.as_str();
            let defined =
                Rc::new(Function { source: Rc::clone(&self.current), body: function.body.as_ref().clone() });
            if !self.step(
                u32::try_from(function.span.end.offset() - function.span.start.offset()).unwrap_or(0) / 16,
            ) {
                return;
            }
            self.state.set(Key::Function(name.to_owned()), Item::Functions(vec![Rc::clone(&defined)]));
            self.shadows_firewall(name);
            // The shell calls it by itself, for every program it does not find.
            if matches!(name, "command_not_found_handle" | "command_not_found_handler") {
                let mut out = Out::default();
                self.call(name, &[defined], vec![Value::unknown(Taint::NONE)], &mut out);
            }
        }
    }

    /// Calls a function.
    pub(super) fn call(
        &mut self,
        name: &str,
        functions: &[Rc<Function>],
        arguments: Vec<Value>,
        out: &mut Out,
    ) {
        if !self.step(CALL) {
            return;
        }
        // By what it does, not by its name: a function may define another one of its own name.
        let open = || self.calls.iter().filter(|call| call.is_of(functions)).map(|call| &call.given);
        let again = open().count();
        // With the same arguments it does what is being looked at already, but for the variables it set.
        let known = open().any(|given| *given == arguments);
        let arguments = match open().next_back() {
            Some(before) if again == AGAIN => widened(before, arguments),
            _ => arguments,
        };
        if again > 0 && self.beside {
            self.effect("filesystem.fork-bomb", format!("the function `{name}` starts itself"), Origin::Call);
            return;
        }
        if known && again > 1 || again > AGAIN {
            return;
        }
        self.calls.push(Call { functions: functions.to_vec(), given: arguments.clone() });
        let outer = std::mem::replace(&mut self.arguments, arguments);
        let locals = self.locals.len();
        let mut branches = Vec::new();
        for function in functions {
            let mark = self.state.mark();
            self.deeper(|machine| {
                machine.within(&function.source, |machine| {
                    machine.statement(&function.source, &function.body, out);
                });
            });
            branches.push(self.state.undo(mark));
        }
        self.state.join(branches);
        for (key, item) in self.locals.split_off(locals.min(self.locals.len())).into_iter().rev() {
            self.state.set(key, item.unwrap_or(Item::Gone));
        }
        self.arguments = outer;
        self.calls.pop();
    }
}

/// The arguments of a function that goes on calling itself: those that change may become anything.
fn widened(before: &[Value], arguments: Vec<Value>) -> Vec<Value> {
    let moved = before.len() != arguments.len();
    arguments
        .into_iter()
        .enumerate()
        .map(|(at, value)| {
            let same = !moved && before.get(at) == Some(&value);
            if same { value } else { Value::unknown(value.taint()) }
        })
        .collect()
}

/// The stages of a pipeline, which lean to the left.
fn flatten<'s>(statement: &'s Stmt, stages: &mut Vec<&'s Stmt>) {
    let mut rest = statement;
    let mut backwards = Vec::new();
    while let Command::Binary(binary) = &rest.command
        && matches!(binary.op, BinaryOp::Pipe | BinaryOp::PipeAll)
    {
        backwards.push(binary.right.as_ref());
        rest = binary.left.as_ref();
    }
    stages.push(rest);
    stages.extend(backwards.into_iter().rev());
}

/// Whether a condition holds (or does not hold) for ever.
fn is_constant(source: &str, condition: &StmtSeq, wanted: bool) -> bool {
    let text = condition.span.slice(source).trim().trim_end_matches(';').trim();
    if wanted {
        matches!(
            text,
            "true"
                | ":"
                | "[ true ]"
                | "[[ true ]]"
                | "[ 1 = 1 ]"
                | "[[ 1 == 1 ]]"
                | "test 1"
                | "[ 1 ]"
                | "[[ 1 ]]"
                | "((1))"
                | "(( 1 ))"
                | "1"
                | "/bin/true"
                | "/usr/bin/true"
        )
    } else {
        matches!(text, "false" | "/bin/false" | "/usr/bin/false" | "[ ]" | "((0))" | "(( 0 ))")
    }
}
