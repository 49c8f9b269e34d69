//! A configuration as the lints look at it: its routes, calls, variables, parameters and texts, each with its place.

use std::collections::HashSet;

use crate::Parsed;
use crate::ast::{
    Block, Call, Case, Config, ConfigValue, Expr, ExprKind, FormatPiece, ItemKind, Label, RouteBlock, Statement,
    StatementKind, Variable,
};
use crate::span::{SourceMap, Span, Spanned};
use crate::variable::parse_format;

/// A configuration with everything that lints ask for.
pub struct Model<'a> {
    /// The tree.
    pub config: &'a Config,
    /// Its files.
    pub sources: &'a SourceMap,
    /// Names that the files define.
    pub defined: &'a [Spanned<String>],
    /// Text that conditions left out.
    pub skipped: &'a [Span],
    /// `loadmodule` lines: names without path and `.so`.
    pub modules: Vec<Spanned<&'a str>>,
    /// `modparam` lines.
    pub params: Vec<Param<'a>>,
    /// The blocks.
    pub routes: Vec<&'a RouteBlock>,
    /// Every call in every block.
    pub calls: Vec<CallSite<'a>>,
    /// Every variable, also inside of texts and of other variables.
    pub variables: Vec<VariableUse>,
    /// Every text constant of the script and of `modparam`s.
    pub texts: Vec<Spanned<&'a str>>,
}

/// A `modparam` line.
pub struct Param<'a> {
    /// The modules it is for, as written: a name or `a|b`.
    pub modules: &'a Spanned<String>,
    /// Its name.
    pub name: &'a Spanned<String>,
    /// Its value.
    pub value: &'a Spanned<ConfigValue>,
}

impl Param<'_> {
    /// The value when it is a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value.node {
            ConfigValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is for this module.
    #[must_use]
    pub fn is_for(&self, module: &str) -> bool {
        self.modules.node.trim_matches(['^', '(', ')', '$']).split('|').any(|name| name.eq_ignore_ascii_case(module))
    }
}

/// A call in a block.
pub struct CallSite<'a> {
    /// The call.
    pub call: &'a Call,
    /// All of it.
    pub span: Span,
    /// The block it stands in.
    pub route: &'a RouteBlock,
    /// Whether its result decides something: in the condition of an `if` or `while`.
    pub in_condition: bool,
}

impl CallSite<'_> {
    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.call.name.node
    }

    /// An argument that is a constant text or word, counted from 1.
    #[must_use]
    pub fn text(&self, argument: usize) -> Option<Spanned<&str>> {
        let argument = self.call.arguments.get(argument.checked_sub(1)?)?;
        match &argument.kind {
            ExprKind::String(text) | ExprKind::Word(text) => Some(Spanned::new(text, argument.span)),
            _ => None,
        }
    }
}

/// What is done with a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Its value is used.
    Read,
    /// It is assigned.
    Write,
    /// An argument that is this variable and nothing else: the function may read or write it.
    Argument,
    /// In a text that may or may not be a format.
    Text,
    /// In the value of a module parameter.
    Param,
}

/// A variable somewhere in the configuration.
pub struct VariableUse {
    /// The variable.
    pub variable: Variable,
    /// What is done with it.
    pub access: Access,
}

impl VariableUse {
    /// The name in parentheses when it is constant: `x` of `$avp(s:x)` is `s:x`.
    #[must_use]
    pub fn inner(&self) -> Option<&str> {
        self.variable.inner.as_ref().map(|inner| inner.node.trim()).filter(|inner| !inner.contains('$'))
    }
}

impl<'a> Model<'a> {
    /// Collects everything.
    #[must_use]
    pub fn new(parsed: &'a Parsed) -> Self {
        let mut model = Self {
            config: &parsed.config,
            sources: &parsed.sources,
            defined: &parsed.defined,
            skipped: &parsed.skipped,
            modules: Vec::new(),
            params: Vec::new(),
            routes: Vec::new(),
            calls: Vec::new(),
            variables: Vec::new(),
            texts: Vec::new(),
        };
        for item in &parsed.config.items {
            match &item.kind {
                ItemKind::LoadModule { name, .. } => {
                    let file = name.node.rsplit('/').next().unwrap_or_default();
                    model.modules.push(Spanned::new(file.strip_suffix(".so").unwrap_or(file), name.span));
                }
                ItemKind::ModParam { modules, name, value, .. } => {
                    if let ConfigValue::String(text) = &value.node {
                        model.texts.push(Spanned::new(text, value.span));
                        model.text(text, value.span, Access::Param);
                    }
                    model.params.push(Param { modules, name, value });
                }
                ItemKind::Route(block) => {
                    model.routes.push(block);
                    Walk { model: &mut model, route: block, in_condition: false }.block(&block.body);
                }
                _ => {}
            }
        }
        model
    }

    /// Whether a module is loaded.
    #[must_use]
    pub fn loads(&self, module: &str) -> bool {
        self.modules.iter().any(|name| name.node == module)
    }

    /// The values of a parameter of a module, in file order.
    pub fn params_of(&self, module: &'a str, name: &'a str) -> impl Iterator<Item = &Param<'a>> {
        self.params.iter().filter(move |param| param.name.node == name && param.is_for(module))
    }

    /// The words of the text that conditions left out: what is used there is not unused.
    #[must_use]
    pub fn skipped_words(&self) -> HashSet<&'a str> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let texts = self.skipped.iter().map(|span| self.sources.text(*span));
        texts.flat_map(|text| text.split(move |c| !is_word(c))).filter(|word| !word.is_empty()).collect()
    }

    fn text(&mut self, text: &str, span: Span, access: Access) {
        if !text.contains('$') {
            return;
        }
        // Not every text is a format: one with a mistake is none, or was reported already.
        for piece in parse_format(text, span).unwrap_or_default() {
            if let FormatPiece::Variable(variable) = piece {
                self.variable(&variable, access);
            }
        }
    }

    fn variable(&mut self, variable: &Variable, access: Access) {
        let nested = if access == Access::Text { Access::Text } else { Access::Read };
        if let Some(inner) = &variable.inner {
            self.text(&inner.node, inner.span, nested);
        }
        if let Some(crate::ast::Index::Variable(index)) = &variable.index {
            self.variable(index, nested);
        }
        for transformation in &variable.transformations {
            if let Some(arguments) = &transformation.arguments {
                self.text(&arguments.node, arguments.span, nested);
            }
        }
        self.variables.push(VariableUse { variable: variable.clone(), access });
    }
}

/// The walk through one block.
struct Walk<'m, 'a> {
    model: &'m mut Model<'a>,
    route: &'a RouteBlock,
    in_condition: bool,
}

impl<'a> Walk<'_, 'a> {
    fn block(&mut self, block: &'a Block) {
        block.statements.iter().for_each(|statement| self.statement(statement));
    }

    fn condition(&mut self, expr: &'a Expr) {
        let around = std::mem::replace(&mut self.in_condition, true);
        self.expr(expr);
        self.in_condition = around;
    }

    fn statement(&mut self, statement: &'a Statement) {
        match &statement.kind {
            StatementKind::Expr(expr) => self.expr(expr),
            StatementKind::If { condition, then, otherwise } => {
                self.condition(condition);
                self.block(then);
                otherwise.iter().for_each(|block| self.block(block));
            }
            StatementKind::While { condition, body } => {
                self.condition(condition);
                self.block(body);
            }
            StatementKind::Switch { on, cases } => {
                self.expr(on);
                cases.iter().for_each(|case| self.case(case));
            }
            StatementKind::Return(value) | StatementKind::Exit(value) | StatementKind::Drop(value) => {
                value.iter().for_each(|value| self.expr(value));
            }
            StatementKind::Block(block) => self.block(block),
            StatementKind::Break | StatementKind::Empty => {}
        }
    }

    fn case(&mut self, case: &'a Case) {
        match &case.label {
            Some(Label::Value(value)) => self.expr(value),
            Some(Label::Regex(..)) | None => {}
        }
        case.body.iter().for_each(|statement| self.statement(statement));
    }

    fn expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::String(text) => self.model.texts.push(Spanned::new(text, expr.span)),
            ExprKind::Variable(variable) => self.model.variable(variable, Access::Read),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Unary { operand, .. } => self.expr(operand),
            ExprKind::Assign { target, value } => {
                match &target.kind {
                    ExprKind::Variable(variable) => self.model.variable(variable, Access::Write),
                    _ => self.expr(target),
                }
                let around = std::mem::take(&mut self.in_condition);
                self.expr(value);
                self.in_condition = around;
            }
            ExprKind::Call(call) => self.call(call, expr.span),
            ExprKind::Block(block) => self.block(block),
            ExprKind::Int(_)
            | ExprKind::Select(_)
            | ExprKind::Attribute(_)
            | ExprKind::Operand(_)
            | ExprKind::Myself
            | ExprKind::Address(_)
            | ExprKind::Word(_) => {}
        }
    }

    fn call(&mut self, call: &'a Call, span: Span) {
        self.model.calls.push(CallSite { call, span, route: self.route, in_condition: self.in_condition });
        for argument in &call.arguments {
            match &argument.kind {
                ExprKind::String(text) => {
                    self.model.texts.push(Spanned::new(text, argument.span));
                    self.argument(text, argument.span);
                }
                ExprKind::Variable(variable) => self.model.variable(variable, Access::Argument),
                _ => self.expr(argument),
            }
        }
    }

    /// A text argument: a variable alone may be written by the function.
    fn argument(&mut self, text: &str, span: Span) {
        let pieces = if text.contains('$') { parse_format(text, span).unwrap_or_default() } else { Vec::new() };
        match pieces.as_slice() {
            [FormatPiece::Variable(variable)] => self.model.variable(variable, Access::Argument),
            _ => self.model.text(text, span, Access::Text),
        }
    }
}
