"""Checks a file of expense claims against the policy and asks about those that break it."""

from workflows.flows.expenses.decision import ExpenseDecision, ExpenseReply, ExpenseRequest
from workflows.flows.expenses.steps import ExpensesStart, workflow

__all__ = ["ExpenseDecision", "ExpenseReply", "ExpenseRequest", "ExpensesStart", "workflow"]
