"""A contract for import-linter that allows a list and forbids the rest, so that a new library needs a decision."""

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

STDLIB = "stdlib"  # in a list of allowed modules: all of the standard library


class OnlyContract(Contract):
    """Modules import nothing but their own distribution and what is listed, directly or by another module of ours.

    Attributes:
        modules: they and all below them.
        may_import: external packages, distributions of ours, or "stdlib".
    """

    type_name = "only"

    modules = fields.ListField(subfield=fields.StringField())
    may_import = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001  # import-linter's
        """Find the way to every module that is reached and not allowed."""
        roots, listed = cast("list[str]", self.modules), set(cast("list[str]", self.may_import))
        if STDLIB in listed:
            listed |= sys.stdlib_module_names
        chains = [
            graph.find_shortest_chain(module, reached) or (module, reached)
            for root in roots
            for module in sorted({root, *graph.find_descendants(root)})
            for reached in sorted(graph.find_upstream_modules(module))
            if reached.partition(".")[0] not in {*listed, root.partition(".")[0]}
        ]
        return ContractCheck(kept=not chains, metadata={"chains": chains})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the ways."""
        for chain in check.metadata["chains"]:
            output.print_error(" -> ".join(chain), bold=False)
        output.new_line()
